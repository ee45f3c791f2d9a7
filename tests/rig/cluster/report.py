"""`report.json`: what became of each scenario, kept over sessions that run some of them each."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

Figure = float | str


@dataclass(slots=True)
class Scenario:
    """One scenario: `verdict` is passed, failed or skipped, `figures` are what it measured, `at` is when it ended."""

    name: str
    verdict: str = ""
    seconds: float = 0.0
    figures: dict[str, Figure] = field(default_factory=dict)
    at: str = ""

    def figure(self, name: str, value: Figure) -> None:
        """Record something measured; the name says the unit."""
        self.figures[name] = round(value, 3) if isinstance(value, float) else value


def record(file: Path, scenario: Scenario) -> None:
    """Write the scenario into the report, in the place of an earlier run of it."""
    kept = {entry["name"]: entry for entry in read(file)}
    scenario.at = dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
    kept[scenario.name] = asdict(scenario)
    file.parent.mkdir(parents=True, exist_ok=True)
    scratch = file.with_suffix(".new")
    scratch.write_text(json.dumps(list(kept.values()), indent=1) + "\n")
    scratch.replace(file)


def read(file: Path) -> list[dict[str, Any]]:
    """The report's entries; none where there is no report yet."""
    entries: list[dict[str, Any]] = json.loads(file.read_text()) if file.exists() else []
    return entries
