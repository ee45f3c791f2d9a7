"""`report.json`: what became of each scenario of a session."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

Figure = float | str | Mapping[str, float]


@dataclass(slots=True)
class Scenario:
    """One scenario: `verdict` is passed, failed or skipped, and `figures` are what it measured."""

    name: str
    verdict: str = ""
    seconds: float = 0.0
    figures: dict[str, Figure] = field(default_factory=dict)

    def figure(self, name: str, value: Figure) -> None:
        """Record something measured; the name says the unit."""
        self.figures[name] = round(value, 3) if isinstance(value, float) else value


class Report:
    """The scenarios in the order in which they ended; the file takes the place of an earlier session's."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._entries: list[dict[str, object]] = []

    def record(self, scenario: Scenario) -> None:
        """Add a scenario that has ended; the file is whole at any time."""
        self._entries.append(asdict(scenario))
        self._file.parent.mkdir(parents=True, exist_ok=True)
        scratch = self._file.with_suffix(".new")
        scratch.write_text(json.dumps(self._entries, indent=1) + "\n")
        scratch.replace(self._file)
