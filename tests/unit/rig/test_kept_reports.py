"""What is kept of the reports that docs/reliability.md is written from."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from rig.faults.kept import WORDS, Missing, keep, ran


def test_a_new_report_takes_the_place_of_the_one_of_its_kind_only(tmp_path: Path) -> None:
    # Given reports of earlier days, and a new one of a soak
    made, kept = tmp_path / "made", tmp_path / "kept"
    for folder, names, day in ((kept, WORDS, "earlier"), (made, ["soak.json"], "today")):
        folder.mkdir()
        for name in names:
            (folder / name).write_text(json.dumps({"ran": [day], "schedule": "long", "verdict": "pass"}))
    # When they are kept
    reports = keep(made, kept)
    # Then the others stay, and what a seed draws again is left out of the new one
    assert [report["ran"] for report in reports] == [["earlier"], ["earlier"], ["earlier"], ["today"]]
    assert json.loads((kept / "soak.json").read_text()) == {"ran": ["today"], "verdict": "pass"}


def test_who_lacks_a_report_is_told_what_makes_it(tmp_path: Path) -> None:
    (tmp_path / "report.json").write_text("{}")
    with pytest.raises(Missing, match=r"`make planted`, `make faults KILLS=50 PACE=8`, `make soak` first"):
        keep(tmp_path, tmp_path / "kept")


def test_a_report_says_its_day_and_its_commit() -> None:
    assert len(ran().split(" at ")[1]) >= len("1e4b4fe")
