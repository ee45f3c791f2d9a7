"""Label selectors as kubectl and the HPA controller write them."""

from __future__ import annotations

import pytest
from headrace_lag.selector import BadSelector, matches, parse

LABELS = {"pipeline": "flights", "service": "feature-engineering"}


@pytest.mark.parametrize(
    ("selector", "chosen"),
    [
        ("", True),
        ("pipeline=flights", True),
        ("pipeline==flights,service=feature-engineering", True),
        ("pipeline = flights , service = feature-engineering", True),
        ("pipeline=other", False),
        ("pipeline!=other", True),
        ("pipeline!=flights", False),
        ("tenant!=other", True),  # a label that is not there is not the other
        ("service in (cleaning, feature-engineering)", True),
        ("service in (cleaning,lake),pipeline=flights", False),
        ("service notin (cleaning, lake)", True),
        ("tenant notin (a)", True),
        ("pipeline", True),
        ("tenant", False),
        ("!tenant", True),
        ("!pipeline", False),
        ("headrace.dev/pipeline=flights", False),
    ],
)
def test_a_selector_chooses(selector: str, chosen: bool) -> None:
    assert matches(parse(selector), LABELS) is chosen


@pytest.mark.parametrize("selector", ["=", "a=b=c", "a in b", "a in (b", "a,,b", "a=b,", "a>1", "-a=b", "a=" * 3000])
def test_what_is_none_is_refused(selector: str) -> None:
    with pytest.raises(BadSelector):
        parse(selector)
