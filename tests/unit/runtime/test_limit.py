"""Past so many rejected rows in a while a stage stops and says so."""

from __future__ import annotations

import pytest
from headrace.contract.errors import QuarantineOverflow
from headrace.contract.pipeline import QuarantineLimit
from headrace.runtime.limit import RejectionLimit


def limit() -> RejectionLimit:
    return RejectionLimit(QuarantineLimit.model_validate({"rows": 10, "within": "1m"}))


def test_as_many_as_allowed_are_fine() -> None:
    booked = limit()
    booked.add(6, 0.0)
    booked.add(4, 59.0)


def test_one_more_stops_the_stage_and_says_what_to_do() -> None:
    booked = limit()
    booked.add(6, 0.0)
    with pytest.raises(QuarantineOverflow, match=r"11 rows .* within 1m, and the pipeline allows 10.*quarantine list"):
        booked.add(5, 59.0)


def test_what_is_long_ago_does_not_count() -> None:
    booked = limit()
    booked.add(10, 0.0)
    booked.add(10, 60.1)


def test_steps_without_rejected_rows_cost_no_memory() -> None:
    booked = limit()
    for step in range(100):
        booked.add(0, float(step))
    assert not booked._recent
