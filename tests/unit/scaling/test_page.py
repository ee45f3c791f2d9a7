"""docs/scaling.md is what `make scaling` writes."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

from headrace.autoscale.policy import Policy
from rig.scaling import text
from rig.scaling.cases import CASES, NO_COMMIT
from rig.scaling.compare import compared
from rig.scaling.page import better, case_table

PAGE = (Path(__file__).parents[3] / "docs/scaling.md").read_text(encoding="utf-8")


def test_every_setting_and_no_other_is_explained() -> None:
    assert list(text.SETTINGS) == [field.name for field in fields(Policy)]
    assert all(f"| `{name}` |" in PAGE for name in text.SETTINGS)


def test_every_case_is_told() -> None:
    assert [line[4:] for line in PAGE.splitlines() if line.startswith("### ")] == [case.name for case in CASES]


def test_the_figures_are_those_of_the_model() -> None:
    outcomes = compared(NO_COMMIT)
    assert case_table(NO_COMMIT, outcomes) in PAGE
    assert better({NO_COMMIT: outcomes})[0] in PAGE
