"""Up, down, and everything that keeps a count where it is."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
from headrace.autoscale.decide import decide
from headrace.autoscale.decision import Cause, Unknown
from headrace.autoscale.facts import Observation
from headrace.autoscale.memory import Memory
from headrace.autoscale.policy import Policy
from headrace.contract.errors import SettingsError
from unit.autoscale.parts import POLICY, Service, answer, even, observed, partition, settled


def test_more_arrivals_than_the_replicas_work_bring_more_replicas() -> None:
    decision, _ = decide(POLICY, observed(even(arrival=4000)), settled(2))
    assert answer(decision).replicas == 6  # 4,000 / 0.8 = 5,000 and what the change costs
    assert answer(decision).cause is Cause.UP
    assert "5,000 rows/s are asked for and a replica works 1,000" in answer(decision).reason


def test_a_backlog_brings_as_many_as_work_it_off_in_the_catch_up_time() -> None:
    decision, _ = decide(POLICY, observed(even(lag=600_000, arrival=800)), settled(2))
    assert answer(decision).replicas == 4  # 1,000 + 2,000 + 80


def test_a_group_that_has_committed_nothing_has_all_of_the_log_before_it() -> None:
    unread = [replace(each, committed=None, log_start=500) for each in even(lag=600_000, arrival=800)]
    decision, _ = decide(POLICY, observed(unread, replicas=1), settled(1))
    assert answer(decision).replicas == 4


@pytest.mark.parametrize("arrival", [1500, 1600, 1700])
def test_within_the_dead_band_nothing_changes(arrival: float) -> None:
    decision, _ = decide(POLICY, observed(even(arrival=arrival)), settled(2))  # 1,600 / 0.8 is just what two work
    assert (answer(decision).replicas, answer(decision).cause) == (2, Cause.STEADY)


def test_a_count_goes_down_only_when_less_was_enough_all_through_the_window() -> None:
    service = Service()
    service.look(even(arrival=4000), 6)
    while service.at < 5 + POLICY.scale_down_window_s - 5:
        assert answer(service.look(even(arrival=800), 6)).cause is Cause.WINDOW
    assert answer(service.look(even(arrival=800), 6)).replicas == 2


def test_a_burst_shorter_than_the_window_starts_nothing() -> None:
    service = Service(replace(POLICY, scale_up_window_s=30))
    service.look(even(arrival=800), 2)
    assert {answer(service.look(even(arrival=9000), 2)).replicas for _ in range(5)} == {2}
    assert answer(service.look(even(arrival=800), 2)).replicas == 2


def test_a_need_that_lasts_is_met_in_one_step() -> None:
    service = Service(replace(POLICY, scale_up_window_s=30))
    service.look(even(arrival=800), 2)
    counts = [answer(service.look(even(arrival=min(9000, 2000 * n)), 2)).replicas for n in range(1, 8)]
    assert counts == [2] * 5 + [12, 12]


BUSY = observed(even(lag=10**7, arrival=9000))


@pytest.mark.parametrize(
    ("now", "cause"),
    [
        (replace(BUSY, rolling_out=True), Cause.ROLLOUT),
        (replace(BUSY, rebalancing=True), Cause.REBALANCE),
    ],
)
def test_nothing_changes_while_pods_or_partitions_do(now: Observation, cause: Cause) -> None:
    decision, _ = decide(POLICY, now, settled(2))
    assert (answer(decision).replicas, answer(decision).cause) == (2, cause)


def test_a_rollout_does_not_keep_a_service_asleep() -> None:
    now = replace(observed(even(lag=12), replicas=0), rolling_out=True)
    decision, _ = decide(replace(POLICY, minimum=0), now, Memory())
    assert (answer(decision).replicas, answer(decision).cause) == (1, Cause.WAKE)


def test_the_first_message_wakes_even_where_it_has_no_rows() -> None:
    one = replace(partition(), log_end=1001)
    decision, _ = decide(replace(POLICY, minimum=0), observed([one], replicas=0), Memory())
    assert answer(decision).replicas == 1


def test_an_idle_service_goes_to_sleep_after_its_time() -> None:
    service = Service(replace(POLICY, minimum=0))
    service.look(even(), 2)
    while service.at < 5 + POLICY.idle_s - 5:
        assert answer(service.look(even(), 2)).replicas > 0
    assert (answer(service.look(even(), 2)).replicas, service.at) == (0, 305)


def test_a_message_in_between_begins_the_idle_time_anew() -> None:
    service = Service(replace(POLICY, minimum=0))
    for _ in range(40):
        service.look(even(), 2)
    for _ in range(30):  # all of it is read at each evaluation, and yet there was one
        assert answer(service.look(even(read=1001), 2)).replicas > 0


def test_a_service_with_a_minimum_never_sleeps() -> None:
    service = Service()
    assert {answer(service.look(even(), 1)).replicas for _ in range(100)} == {1}


def test_a_sleeping_service_stays_asleep_when_nothing_is_remembered() -> None:
    decision, _ = decide(replace(POLICY, minimum=0), observed(even(), replicas=0), Memory())
    assert (answer(decision).replicas, answer(decision).cause) == (0, Cause.IDLE)


def test_rows_that_were_deleted_unread_are_said_and_nothing_changes() -> None:
    lost = replace(partition(lag=10**6), log_start=1500)
    decision, _ = decide(POLICY, observed([lost, *even(arrival=9000)[1:]], replicas=3), settled(3))
    assert (answer(decision).replicas, answer(decision).cause) == (3, Cause.DATA_LOSS)
    assert "t partition 0: records 1000 to 1499 were deleted before they were read" in answer(decision).reason


def test_lost_rows_wake_a_sleeping_service_so_that_somebody_hears_of_them() -> None:
    lost = replace(partition(lag=10**6), log_start=1500)
    decision, _ = decide(replace(POLICY, minimum=0), observed([lost], replicas=0), Memory())
    assert answer(decision).replicas == 1


def test_a_poison_partition_brings_no_replicas_and_is_named() -> None:
    service = Service()
    decision = service.look(even(arrival=1200), 2)
    for second in range(0, 600, 5):  # partition 0 stands still at offset 1000, the others get on
        others = even(arrival=1200, read=1000 + second)[1:]
        decision = service.look([partition(lag=1000 + 2000.0 * second, arrival=100), *others], 2)
        if second >= POLICY.stalled_s:
            assert answer(decision).replicas == 2
    assert answer(decision).warnings == ("t partition 0 is stuck: more replicas do not help it",)


def test_where_nobody_gets_on_nothing_changes() -> None:
    service = Service()
    answers = [answer(service.look(even(lag=1000 + 9000.0 * n, arrival=1800), 2)) for n in range(60)]
    assert (answers[-1].replicas, answers[-1].cause) == (2, Cause.STALLED)


def test_a_hot_partition_is_named() -> None:
    decision, _ = decide(POLICY, observed([partition(arrival=2000), *even(arrival=100)[1:]]), settled(2))
    assert "t partition 0 asks for 2,500 rows/s, more than one replica works" in answer(decision).warnings[0]


def test_after_an_outage_nothing_goes_down_before_a_whole_window() -> None:
    service = Service()
    service.look(even(arrival=4000), 6)
    assert isinstance(service.unread(600), Unknown)
    assert {answer(service.look(even(), 6)).replicas for _ in range(59)} == {6}


def test_more_replicas_than_partitions_are_taken_back_at_once() -> None:
    decision, _ = decide(POLICY, observed(even(arrival=9000), replicas=20), Memory())
    assert answer(decision).replicas == 12


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"minimum": 9}, "minimum is 9 and maximum 4: lower the minimum"),
        ({"utilisation": 1.5}, "utilisation is 1.5: give a part of 1"),
        ({"scale_down_window_s": 60}, "make the window at least as long"),
        ({"stale_s": math.nan}, "stale_s is nan"),
        ({"catch_up_s": 0}, "catch_up_s is 0"),
    ],
)
def test_a_policy_that_contradicts_itself_is_refused(wrong: dict[str, Any], says: str) -> None:
    with pytest.raises(SettingsError, match=says):
        Policy(maximum=4, start_rate_rows_s=1000, **wrong)
