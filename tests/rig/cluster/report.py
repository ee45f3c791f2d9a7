"""The report of a session: what became of each scenario, and what they ran on."""

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
        self.figures[name] = _rounded(value)


class Report:
    """The scenarios in the order in which they ended; the file takes the place of an earlier one's."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.about: dict[str, Figure] = {}
        self.scenarios: list[Scenario] = []

    @classmethod
    def read(cls, file: Path) -> Report:
        """What is in a file, to go on with."""
        told = json.loads(file.read_text())
        report = cls(file)
        report.about = told["about"]
        report.scenarios = [Scenario(**each) for each in told["scenarios"]]
        return report

    def tell(self, name: str, value: Figure) -> None:
        """Say something that is about all scenarios: a version, what was built and in what time."""
        self.about[name] = _rounded(value)
        self._write()

    def record(self, scenario: Scenario) -> None:
        """Add a scenario that has ended."""
        self.scenarios.append(scenario)
        self._write()

    def _write(self) -> None:
        """The file is whole at any time."""
        self.file.parent.mkdir(parents=True, exist_ok=True)
        scratch = self.file.with_suffix(".new")
        told = {"about": self.about, "scenarios": [asdict(each) for each in self.scenarios]}
        scratch.write_text(json.dumps(told, indent=1) + "\n")
        scratch.replace(self.file)


def _rounded(value: Figure) -> Figure:
    return round(value, 3) if isinstance(value, float) else value
