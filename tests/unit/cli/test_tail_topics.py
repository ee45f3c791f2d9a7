"""Which topics a name stands for."""

from __future__ import annotations

from pathlib import Path

import pytest
from headrace.cli.pipeline import read_plan
from headrace.cli.tail import choose
from headrace.contract.errors import PlanError

PLAN = read_plan(Path(__file__).parents[3] / "examples/flights/headrace_flights/flights.yaml")


@pytest.mark.parametrize(
    "named",
    ["predictions", "predictions.late_at_departure", "default.flights.predictions.late_at_departure"],
)
def test_a_topic_by_its_hop_its_name_and_its_whole_name(named: str) -> None:
    assert choose(PLAN, named) == {
        "default.flights.predictions.late_at_departure": PLAN.predictions_schema("late_at_departure")
    }


@pytest.mark.parametrize(
    ("hop", "names"),
    [
        ("ingested", ["schedule", "departures", "arrivals", "weather"]),
        ("by", ["origin", "dest"]),
        ("clean", ["schedule"]),
        ("features", ["late_at_departure"]),
    ],
)
def test_a_hop_is_all_its_topics(hop: str, names: list[str]) -> None:
    assert list(choose(PLAN, hop)) == [f"default.flights.{hop}.{name}" for name in names]


def test_quarantine_is_a_topic_too() -> None:
    assert list(choose(PLAN, "quarantine")) == ["default.flights.quarantine"]


@pytest.mark.parametrize(
    "named", ["prediction", "", "default.flights", "by.carrier", "default.other.quarantine", "raw.x"]
)
def test_another_name_is_told_what_there_is(named: str) -> None:
    with pytest.raises(PlanError, match=r"no topic .*; there are ingested\.schedule, .*, quarantine$"):
        choose(PLAN, named)


@pytest.mark.parametrize("named", ["raw.weather", "default.flights.raw.weather"])
def test_raw_topics_hold_what_producers_send(named: str) -> None:
    with pytest.raises(PlanError, match=r"default\.flights\.raw\.weather holds what .* try ingested\.weather"):
        choose(PLAN, named)
