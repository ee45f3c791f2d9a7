"""What a campaign is told by its environment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from headrace.local.places import state_folder

from rig.faults.leg import RECOVERY_BOUND
from rig.faults.schedule import PACE

_RATE = 120.0  # records a second: enough that every service is at work all the time, with room for replays


@dataclass(frozen=True, slots=True)
class Told:
    """KILLS, SEED, MINUTES, RATE, BOUND (seconds to flowing again), SCHEDULE (a line or its file, to repeat one).

    PACE is the seconds from one fault to the next: with many of them, each is over before another begins.
    """

    kills: int
    seed: int
    minutes: float | None
    rate: float
    bound: float
    pace: float
    schedule: str | None
    folder: Path

    @classmethod
    def read(cls, environment: Mapping[str, str] = os.environ) -> Self:
        """From the environment; raises ValueError for what is no number."""
        minutes, schedule = environment.get("MINUTES"), environment.get("SCHEDULE")
        if schedule and not schedule.lstrip().startswith("{"):
            schedule = Path(schedule).read_text(encoding="utf-8")
        return cls(
            kills=int(environment.get("KILLS") or 1000),
            seed=int(environment.get("SEED") or 1),
            minutes=float(minutes) if minutes else None,
            rate=float(environment.get("RATE") or _RATE),
            bound=float(environment.get("BOUND") or RECOVERY_BOUND),
            pace=float(environment.get("PACE") or PACE),
            schedule=schedule or None,
            folder=state_folder() / "faults",
        )

    @property
    def name(self) -> str:
        """What tells this campaign from others."""
        if self.schedule:
            return "repeated"
        spaced = "" if self.pace == PACE else f"-pace-{self.pace:g}"
        return f"seed-{self.seed}-kills-{self.kills}{spaced}"

    @property
    def report(self) -> Path:
        """Where its report is saved: spaced faults do not take the place of a campaign's."""
        return self.folder / ("report.json" if self.pace == PACE else "spaced.json")
