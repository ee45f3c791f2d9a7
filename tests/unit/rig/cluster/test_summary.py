"""A report as people read it."""

from __future__ import annotations

from pathlib import Path

from rig.cluster.report import Report, Scenario
from rig.cluster.summary import summary


def test_each_scenario_has_a_line_and_those_of_one_name_share_theirs(tmp_path: Path) -> None:
    report = Report(tmp_path / "report.json")
    report.tell("kubernetes", "warm, 0.1 s")
    report.record(Scenario("flights", "passed", 46.0, {"to the lake in s": 46.1}))
    report.record(Scenario("who may what[a]", "passed", 0.5))
    report.record(Scenario("who may what[b]", "failed", 1.0))

    lines = summary(report).splitlines()

    assert lines[0] == "kubernetes: warm, 0.1 s"
    assert [line.split() for line in lines[3:5]] == [
        ["flights", "passed", "46.0", "to", "the", "lake", "in", "s:", "46.1"],
        ["who", "may", "what", "1", "failed,", "1", "passed", "1.5"],
    ]
    assert lines[-1] == "1 failed, 2 passed"


def test_a_session_in_which_nothing_ran_says_so(tmp_path: Path) -> None:
    assert summary(Report(tmp_path / "report.json")).endswith("no scenario ran")
