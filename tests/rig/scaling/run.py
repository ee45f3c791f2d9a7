"""A rule at work in the model, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

from rig.scaling.world import Setting, World

SYNC_S = 15
"""The HPA controller's default sync period."""
DRAINED_S = 10.0
"""A lag of so many seconds of arrivals is none."""
_GONE_S = 60.0  # it is gone when it has been none for so long
_LATE_S = 60.0  # a lag of more is late


class Rule(Protocol):
    """Whatever scales: it looks every second, and its HPA syncs."""

    name: str

    def look(self, world: World) -> None:
        """What it does every second."""

    def sync(self, world: World) -> int:
        """The `spec.replicas` that its HPA sets."""


@dataclass(frozen=True, slots=True)
class Moment:
    """One second: replicas asked for, and the lag in rows and in seconds of what arrives."""

    at_s: float
    replicas: int
    lag_rows: float
    lag_s: float


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a rule made of a case."""

    rule: Rule
    moments: tuple[Moment, ...]

    @property
    def counts(self) -> list[int]:
        """The replica counts in the order in which they were asked for, without repeats."""
        all_of_them = [moment.replicas for moment in self.moments]
        return [all_of_them[0], *(now for before, now in pairwise(all_of_them) if now != before)]

    @property
    def rescales(self) -> int:
        """How often the count changed."""
        return len(self.counts) - 1

    @property
    def direction_changes(self) -> int:
        """How often an up followed a down or a down an up."""
        ups = [after > before for before, after in pairwise(self.counts)]
        return sum(before != after for before, after in pairwise(ups))

    @property
    def replica_minutes(self) -> float:
        """What was asked for, in replicas times minutes."""
        return sum(moment.replicas for moment in self.moments) / 60

    @property
    def late_s(self) -> int:
        """Seconds in which the lag was more than a minute of arrivals."""
        return sum(moment.lag_s > _LATE_S for moment in self.moments)

    @property
    def worst_lag_s(self) -> float:
        """The largest lag, in seconds of what arrives."""
        return max(moment.lag_s for moment in self.moments)

    def drained_s(self, since_s: float) -> float | None:
        """Seconds from `since_s` until the lag was gone for a minute; 0 where none grew, None where it never went."""
        after = [moment for moment in self.moments if moment.at_s >= since_s]
        if max(moment.lag_s for moment in after) <= DRAINED_S:
            return 0.0
        low_since = after[0].at_s
        grown = False
        for moment in after:
            if moment.lag_s > DRAINED_S:
                grown, low_since = True, moment.at_s + 1
            elif grown and moment.at_s - low_since >= _GONE_S:
                return low_since - since_s
        return None

    def replicas_at(self, at_s: float) -> int:
        """What was asked for at that second."""
        return next(moment.replicas for moment in self.moments if moment.at_s >= at_s)


def run(setting: Setting, rule: Rule, seconds: int, seed: int = 0) -> Outcome:
    """Let `rule` scale the service for so many seconds of model time."""
    world, moments = World(setting, seed), []
    usual = max(setting.load_rows_s(at) for at in range(0, seconds, 10)) or 1.0
    for _ in range(seconds):
        world.tick()
        rule.look(world)
        if world.now % SYNC_S == 0:
            world.ask(rule.sync(world))
        arrival = setting.load_rows_s(world.now) or usual  # where nothing arrives, against what usually does
        moments.append(Moment(world.now, world.replicas, world.lag_rows, world.lag_rows / arrival))
    return Outcome(rule, tuple(moments))
