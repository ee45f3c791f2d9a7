"""What a replica really works, and steps that were in vain."""

from __future__ import annotations

from dataclasses import replace

import pytest
from headrace.autoscale.decision import Cause
from headrace.autoscale.memory import Memory
from unit.autoscale.parts import POLICY, Service, even, partition


def test_busy_replicas_tell_what_a_replica_works() -> None:
    service = Service()
    service.work(60, throughput=1400, arrival=1400, replicas=2)
    assert service.memory.rate_rows_s == pytest.approx(700)


@pytest.mark.parametrize(("known", "then"), [(500, 700), (900, 800)])
def test_a_higher_rate_is_believed_at_once_and_a_lower_one_by_half(known: float, then: float) -> None:
    service = Service(memory=Memory(rate_rows_s=known))
    service.work(40, throughput=1400, arrival=1400, replicas=2)
    assert service.memory.rate_rows_s == pytest.approx(then)


def test_replicas_that_keep_up_tell_nothing() -> None:
    service = Service(lag=100)
    service.work(120, throughput=800, arrival=800, replicas=2)
    assert service.memory.rate_rows_s is None


def test_replicas_that_keep_up_tell_that_they_work_at_least_so_much() -> None:
    service = Service(memory=Memory(rate_rows_s=300), lag=100)
    service.work(120, throughput=800, arrival=800, replicas=2)
    assert service.memory.rate_rows_s == pytest.approx(400)


def test_one_idle_replica_is_enough_to_tell_nothing() -> None:
    service = Service()
    for step in range(20):  # six partitions of twelve have nothing to do: they may all be one replica's
        read = 1000 + 100 * step
        busy = even(lag=120_000, arrival=1200, read=read)
        service.look([*busy[:6], *(partition(number, read=read) for number in range(6, 12))], 2)
    assert service.memory.rate_rows_s is None


def test_nothing_is_learned_while_partitions_change_hands() -> None:
    service = Service()
    for step in range(20):
        service.look(even(lag=1000, arrival=100, read=1000 + step), 2, rebalancing=step % 3 == 0)
    assert service.memory.rate_rows_s is None


def after_a_step(throughput: float) -> Service:
    """Two replicas worked 2,000 rows/s, then four worked `throughput`; all the time more arrive."""
    service = Service(replace(POLICY, scale_up_window_s=0))
    service.work(60, throughput=2000, arrival=6000, replicas=2)
    service.work(60, throughput=throughput, arrival=6000, replicas=4)
    return service


def test_a_step_that_was_worth_it_is_followed_by_the_next() -> None:
    service = after_a_step(throughput=3900)
    assert service.memory.freeze is None
    last = service.work(5, throughput=3900, arrival=6000, replicas=4)
    assert (last.replicas, last.cause) == (12, Cause.UP)


def test_a_step_that_brought_nothing_is_not_followed_by_another() -> None:
    service = after_a_step(throughput=2050)
    last = service.work(5, throughput=2050, arrival=6000, replicas=4)
    assert (last.replicas, last.cause) == (4, Cause.FROZEN)
    assert "2 replicas worked 2,000 rows/s and 4 work 2,050: something else is the limit" in last.reason


def test_a_step_that_made_it_slower_is_taken_back() -> None:
    service = after_a_step(throughput=1500)
    last = service.work(5, throughput=1500, arrival=6000, replicas=4)
    assert (last.replicas, last.cause) == (2, Cause.FROZEN)


def test_a_limit_of_something_else_is_not_taken_for_the_rate() -> None:
    service = Service()
    service.work(120, throughput=1000, arrival=6000, replicas=2)
    assert service.memory.rate_rows_s == pytest.approx(500)
    service.work(180, throughput=1000, arrival=6000, replicas=4)
    assert service.memory.rate_rows_s == POLICY.start_rate_rows_s


def test_in_vain_again_is_frozen_for_twice_as_long() -> None:
    service = after_a_step(throughput=2050)
    service.work(POLICY.freeze_s, throughput=2000, arrival=6000, replicas=4)
    assert service.work(5, throughput=2000, arrival=6000, replicas=4).replicas == 12
    service.work(60, throughput=2000, arrival=6000, replicas=12)
    assert service.memory.freeze is not None
    assert service.memory.freeze.seconds == 2 * POLICY.freeze_s


def test_no_second_step_before_the_first_was_measured() -> None:
    service = Service()
    service.work(60, throughput=2000, arrival=6000, replicas=2)
    waiting = service.work(15, throughput=3000, arrival=9000, replicas=4)
    assert (waiting.replicas, waiting.cause) == (4, Cause.TRIAL)


def test_pods_that_never_start_do_not_hold_back_others_for_ever() -> None:
    service = Service()
    service.work(60, throughput=2000, arrival=6000, replicas=2)
    causes = []
    for step in range(30):
        service.read += 100
        decision = service.look(even(lag=300_000 + 20_000.0 * step, arrival=6000, read=service.read), 4, ready=3)
        causes.append(decision.cause)
    assert causes[:17] == [Cause.TRIAL] * 17
    assert causes[-1] is Cause.UP


@pytest.mark.parametrize("counted", [True, False])
def test_rows_that_are_counted_tell_the_rate_even_while_arrivals_change(counted: bool) -> None:
    service, written, lag = Service(), 0.0, 100_000.0
    for step in range(13):  # 1,400 rows/s are worked; what arrives rises, and its average is slow to show it
        written, lag = written + 5 * 200 * step, lag + 5 * (200 * step - 1400)
        partitions = even(lag=lag, arrival=100.0 * step, read=1000 + step)
        if counted:
            partitions = [replace(each, written_rows=written / 12) for each in partitions]
        service.look(partitions, 2)
    assert (service.memory.rate_rows_s == pytest.approx(700)) is counted


def test_a_counter_that_begins_anew_is_not_taken_for_rows_that_vanished() -> None:
    service = Service()
    for step in range(13):
        partitions = even(lag=100_000, arrival=1400, read=1000 + step)
        service.look([replace(each, written_rows=7000.0 * (step % 3) / 12) for each in partitions], 2)
    assert service.memory.rate_rows_s == pytest.approx(700)
