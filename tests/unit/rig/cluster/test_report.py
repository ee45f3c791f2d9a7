"""The report of a session of scenarios."""

from __future__ import annotations

import json
from pathlib import Path

from rig.cluster.report import Report, Scenario


def test_a_new_one_takes_the_place_of_the_last_and_is_whole_after_every_scenario(tmp_path: Path) -> None:
    file = tmp_path / "cluster" / "report.json"
    Report(file).record(Scenario("of the last session", "failed", 1.0))
    report = Report(file)
    scaled = Scenario("it scales", "passed", 12.0)
    scaled.figure("up in s", 2.00049)

    report.tell("kubernetes", "cold, 500.0 s")
    report.record(scaled)

    assert json.loads(file.read_text()) == {
        "about": {"kubernetes": "cold, 500.0 s"},
        "scenarios": [{"name": "it scales", "verdict": "passed", "seconds": 12.0, "figures": {"up in s": 2.0}}],
    }


def test_a_report_goes_on_where_another_process_has_left_it(tmp_path: Path) -> None:
    file = tmp_path / "report.json"
    Report(file).tell("kubernetes", "warm, 0.1 s")

    Report.read(file).record(Scenario("it scales", "passed", 12.0))
    Report.read(file).record(Scenario("it holds", "failed", 1.0))

    found = Report.read(file)
    assert found.about == {"kubernetes": "warm, 0.1 s"}
    assert [(each.name, each.verdict) for each in found.scenarios] == [("it scales", "passed"), ("it holds", "failed")]
