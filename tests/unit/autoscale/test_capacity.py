"""From rows to replicas."""

from __future__ import annotations

from headrace.autoscale.capacity import counts, enough, loads
from headrace.autoscale.facts import Place
from headrace.autoscale.policy import Policy
from hypothesis import given
from hypothesis import strategies as st
from unit.autoscale.parts import POLICY, partition

LOADS = st.lists(st.floats(0, 5000), min_size=1, max_size=40)
RATES = st.floats(1, 5000)


def test_a_partition_asks_for_its_arrivals_its_backlog_and_what_the_change_costs() -> None:
    # 400 / 0.8 + 3,000 rows in 300 s + 400 · 30 s of arrivals in 300 s
    assert loads(POLICY, [partition(lag=3000, arrival=400)], (), POLICY.restart_cost_s) == [500 + 10 + 40]


def test_a_stuck_partition_asks_for_nothing() -> None:
    assert loads(POLICY, [partition(lag=3000, arrival=400)], [Place("t", 0)], 0) == [0]


def test_only_counts_that_leave_nobody_with_as_many_partitions_are_worth_choosing() -> None:
    assert counts(POLICY, 12) == [1, 2, 3, 4, 6, 12]
    assert counts(POLICY, 10) == [1, 2, 3, 4, 5, 10]
    assert counts(POLICY, 1) == [1]


def test_counts_stay_within_the_operators_bounds() -> None:
    assert counts(Policy(minimum=3, maximum=8, start_rate_rows_s=1), 12) == [3, 4, 6]
    assert counts(Policy(minimum=7, maximum=8, start_rate_rows_s=1), 12) == [7]
    assert counts(Policy(minimum=5, maximum=50, start_rate_rows_s=1), 3) == [3]


def test_the_replica_with_the_hottest_partition_must_manage_its_others_too() -> None:
    # 4 · 500 rows/s would fit 2 replicas of 1,000, but one partition of 800 leaves no room for another beside it
    assert enough([1, 2, 4], [500] * 4, 1000, 1) == 2
    assert enough([1, 2, 4], [800, 400, 400, 400], 1000, 1) == 4


def test_a_partition_that_is_too_hot_for_any_replica_does_not_take_all_replicas() -> None:
    assert enough([1, 2, 3, 4, 6, 12], [9000] + [100] * 11, 1000, 0.75) == 4  # its replica has 200 beside it


@given(LOADS, RATES, st.data())
def test_more_rows_never_need_fewer_replicas(asked: list[float], rate: float, data: st.DataObject) -> None:
    choice = counts(Policy(maximum=100, start_rate_rows_s=1), len(asked))
    which, more = data.draw(st.integers(0, len(asked) - 1)), data.draw(st.floats(0, 5000))
    heavier = [each + more * (place == which) for place, each in enumerate(asked)]
    assert enough(choice, heavier, rate, 0.75) >= enough(choice, asked, rate, 0.75)


@given(LOADS, RATES)
def test_what_is_enough_for_the_arrivals_is_enough_for_their_sum(asked: list[float], rate: float) -> None:
    choice = counts(Policy(maximum=100, start_rate_rows_s=1), len(asked))
    count = enough(choice, asked, rate, 0.75)
    assert count == len(asked) or count * rate * (1 + 1e-6) >= sum(min(each, rate) for each in asked)


@given(LOADS, RATES, st.floats(1, 3))
def test_faster_replicas_are_never_more(asked: list[float], rate: float, times: float) -> None:
    choice = counts(Policy(maximum=100, start_rate_rows_s=1), len(asked))
    assert enough(choice, asked, rate * times, 0.75) <= enough(choice, asked, rate, 0.75)
