"""The report of a session of scenarios."""

from __future__ import annotations

import json
from pathlib import Path

from rig.cluster.report import Report, Scenario


def test_a_session_takes_the_place_of_the_last_and_is_whole_after_every_scenario(tmp_path: Path) -> None:
    file = tmp_path / "cluster" / "report.json"
    Report(file).record(Scenario("of the last session", "failed", 1.0))
    report = Report(file)
    scaled = Scenario("it scales", "passed", 12.0)
    scaled.figure("up in s", 2.00049)

    report.record(scaled)
    assert json.loads(file.read_text()) == [
        {"name": "it scales", "verdict": "passed", "seconds": 12.0, "figures": {"up in s": 2.0}}
    ]
    report.record(Scenario("it holds", "failed", 1.0))
    assert [entry["name"] for entry in json.loads(file.read_text())] == ["it scales", "it holds"]
