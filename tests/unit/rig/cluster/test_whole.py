"""What `make cluster` says of what it builds."""

from __future__ import annotations

from pathlib import Path

import pytest
from rig.cluster.report import Report
from rig.cluster.start import Say
from rig.cluster.whole import built


def test_what_had_to_be_built_is_told_from_what_was_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = Report(tmp_path / "report.json")

    def from_nothing(say: Say) -> str:
        say("Building it (minutes, once)")
        return "it"

    assert built(report, "a thing", from_nothing) == "it"
    assert built(report, "another", lambda _say: "there") == "there"

    about = Report.read(report.file).about
    assert str(about["a thing"]).startswith("cold, ")
    assert str(about["another"]).startswith("warm, ")
    assert capsys.readouterr().out == "== a thing\nBuilding it (minutes, once)\n== another\n"
