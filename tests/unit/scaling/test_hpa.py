"""The model of the HPA's controller does what the real one does."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from rig.scaling.hpa import AT_ONCE, DEFAULT_DOWN, Hpa, Kind, Limit, Rules, Select, Spec, Target


def following(spec: Spec, metrics: Sequence[float | None], *, replicas: int, every: float = 15) -> list[int]:
    """`spec.replicas` after each sync; pods are there at once."""
    hpa, counts = Hpa(spec), []
    for turn, metric in enumerate(metrics):
        replicas = hpa.sync(turn * every, replicas, replicas, replicas, metric)
        counts.append(replicas)
    return counts


def test_an_average_value_is_divided_and_rounded_up() -> None:
    assert following(Spec(20, target=10, up=AT_ONCE), [41], replicas=1) == [5]


def test_within_the_tolerance_nothing_changes() -> None:
    assert following(Spec(20), [10.9], replicas=10) == [10]
    assert following(Spec(20), [11.1], replicas=10) == [12]


def test_without_tolerance_every_difference_counts() -> None:
    assert following(Spec(20, up=AT_ONCE), [10.1], replicas=10) == [11]


def test_a_value_target_multiplies_the_ready_pods() -> None:
    spec = Spec(20, target=10, target_kind=Target.VALUE, up=AT_ONCE)
    assert following(spec, [25], replicas=4) == [10]


def test_no_metric_holds() -> None:
    assert following(Spec(20, down=AT_ONCE), [None, None, 3], replicas=7) == [7, 7, 3]


def test_bounds_hold_even_without_a_metric() -> None:
    assert following(Spec(5), [None], replicas=7) == [5]
    assert following(Spec(9, minimum=3), [None], replicas=2) == [3]


def test_zero_by_hand_is_left_alone_unless_zero_is_allowed() -> None:
    assert following(Spec(9), [5], replicas=0) == [0]
    assert following(Spec(9, minimum=0, up=AT_ONCE), [5], replicas=0) == [5]


def test_by_default_it_goes_up_by_four_pods_or_by_double_in_15_s() -> None:
    assert following(Spec(50), [50] * 4, replicas=1) == [5, 10, 20, 40]


def test_by_default_it_goes_down_to_the_most_of_five_minutes() -> None:
    counts = following(Spec(50), [10.0, 4.0] + [2.0] * 25, replicas=10)
    assert counts[:20] == [10] * 20  # 300 s since the last advice to have 10
    assert counts[20:22] == [4, 2]


def test_an_up_window_takes_the_least() -> None:
    spec = Spec(50, up=Rules(AT_ONCE.limits, 60, tolerance=0))
    assert following(spec, [2.0, 9.0, 9.0, 9.0, 9.0, 9.0], replicas=2) == [2, 2, 2, 2, 9, 9]


def test_a_period_counts_what_changed_in_it() -> None:
    spec = Spec(50, down=Rules((Limit(Kind.PODS, 2, 60),), 0))
    assert following(spec, [1.0] * 9, replicas=10) == [8, 8, 8, 8, 6, 6, 6, 6, 4]


@pytest.mark.parametrize(("select", "after"), [(Select.MAX, 5), (Select.MIN, 9), (Select.DISABLED, 10)])
def test_of_two_policies_the_selected_holds(select: Select, after: int) -> None:
    limits = (Limit(Kind.PODS, 1, 60), Limit(Kind.PERCENT, 50, 60))
    assert following(Spec(50, down=Rules(limits, 0, select=select)), [1], replicas=10) == [after]


def test_percent_rounds_towards_more() -> None:
    up = Rules((Limit(Kind.PERCENT, 10, 60),), 0)
    assert following(Spec(50, up=up), [50], replicas=1) == [2]
    assert following(Spec(50, down=Rules((Limit(Kind.PERCENT, 50, 60),), 0)), [1], replicas=5) == [2]


def test_the_default_down_allows_everything_at_once() -> None:
    assert Rules((Limit(Kind.PERCENT, 100, 15),), 300) == DEFAULT_DOWN
