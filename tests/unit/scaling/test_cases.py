"""What is known to go wrong with scaling in the field, and what happens here."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from itertools import chain

import pytest
from headrace.autoscale.decision import Answer, Cause, Unknown
from rig.scaling import cases
from rig.scaling.cases import CASES, Case
from rig.scaling.compare import rules
from rig.scaling.lag_service import LagService
from rig.scaling.run import Outcome, run

CATCH_UP_S = 300


@cache
def headrace(case: Case, seed: int = 0) -> tuple[Outcome, LagService]:
    service = LagService(case.policy, away=case.lag_service_away)
    return run(case.setting, service, case.seconds, seed), service


@cache
def rival(case: Case, name: str) -> Outcome:
    rule = next(rule for rule in rules(case) if rule.name == name)
    return run(case.setting, rule, case.seconds)


def causes(service: LagService) -> set[Cause]:
    return {decision.cause for _, decision in service.decisions}


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_never_more_than_the_partitions_and_never_fewer_than_the_minimum(case: Case) -> None:
    outcome, _ = headrace(case)
    assert case.minimum <= min(outcome.counts) <= max(outcome.counts) <= case.setting.partitions


def test_the_same_seed_gives_the_same_run() -> None:
    case = cases.LOAD_STEP
    again = run(case.setting, LagService(case.policy), case.seconds)
    assert again.moments == headrace(case)[0].moments
    assert headrace(case, 1)[0].moments != headrace(case)[0].moments


@pytest.mark.parametrize("seed", range(3))
def test_a_load_step_is_followed_up_and_back_with_one_change_of_direction(seed: int) -> None:
    outcome, _ = headrace(cases.LOAD_STEP, seed)
    drained = outcome.drained_s(cases.LOAD_STEP.since_s)
    assert outcome.counts[0] < max(outcome.counts) > outcome.counts[-1]
    assert outcome.direction_changes == 1
    assert drained is not None
    assert drained <= CATCH_UP_S


@pytest.mark.parametrize("seed", range(3))
def test_a_steady_load_changes_nothing(seed: int) -> None:
    outcome, _ = headrace(cases.STEADY, seed)
    assert outcome.counts == [6]


def test_a_group_without_a_committed_offset_works_off_all_of_the_log() -> None:
    outcome, _ = headrace(cases.NO_COMMIT)
    assert outcome.counts[:2] == [1, 6]  # not as many as the deleted records would ask for
    drained = outcome.drained_s(0)
    assert drained is not None
    assert drained <= CATCH_UP_S


def test_a_recreated_topic_is_an_error_and_the_count_stays() -> None:
    outcome, service = headrace(cases.RECREATED)
    assert outcome.counts == [6]
    assert all(isinstance(decision, Unknown) for at, decision in service.decisions if at >= 605)
    assert causes(service) >= {Cause.RECREATED}
    assert rival(cases.RECREATED, "KEDA").rescales > 2


def test_records_deleted_unread_are_said_and_the_count_stays() -> None:
    outcome, service = headrace(cases.OVERTAKEN)
    assert outcome.counts == [6]
    assert service.decisions[-1][1].cause is Cause.DATA_LOSS
    assert rival(cases.OVERTAKEN, "KEDA").counts[-1] == 12


def test_a_poison_partition_brings_no_replicas() -> None:
    outcome, service = headrace(cases.POISON)
    last = service.decisions[-1][1]
    assert outcome.counts == [3]
    assert isinstance(last, Answer)
    assert last.warnings == ("topic partition 0 is stuck: more replicas do not help it",)
    assert rival(cases.POISON, "KEDA").counts[-1] == 12


def test_load_that_swings_does_not_make_the_count_swing() -> None:
    outcome, _ = headrace(cases.FLAPPING)
    assert outcome.direction_changes <= 1
    assert rival(cases.FLAPPING, "KEDA").direction_changes > 10


def test_a_burst_does_not_bring_everybody() -> None:
    outcome, _ = headrace(cases.ALL_OR_NOTHING)
    assert max(outcome.counts) <= 3
    assert max(rival(cases.ALL_OR_NOTHING, "lag threshold").counts) == 12


def test_a_burst_is_worked_off_in_the_catch_up_time() -> None:
    outcome, _ = headrace(cases.ALL_OR_NOTHING)
    drained = outcome.drained_s(cases.ALL_OR_NOTHING.since_s)
    assert drained is not None
    assert drained <= CATCH_UP_S


def test_the_last_replica_comes_although_it_is_less_than_a_tenth() -> None:
    outcome, _ = headrace(cases.ROUNDING)
    assert outcome.counts == [11, 12]


def test_with_the_hpas_default_tolerance_the_last_replica_never_comes() -> None:
    case = cases.ROUNDING
    assert run(case.setting, LagService(case.policy, tolerance=0.1), case.seconds).counts == [11]


def test_an_outage_of_the_broker_is_not_read_as_nothing_to_do() -> None:
    outcome, service = headrace(cases.OUTAGE)
    during = [moment.replicas for moment in outcome.moments if 600 <= moment.at_s < 1080]
    assert set(during) == {6}
    assert Cause.UNREAD in causes(service)
    assert rival(cases.OUTAGE, "lag threshold").replicas_at(1075) < 6


def test_the_backlog_of_an_outage_is_worked_off_in_the_catch_up_time() -> None:
    drained = headrace(cases.OUTAGE)[0].drained_s(1080)
    assert drained is not None
    assert drained <= CATCH_UP_S


def test_without_its_lag_service_the_count_stays() -> None:
    outcome, _ = headrace(cases.LAG_SERVICE_OUTAGE)
    assert {moment.replicas for moment in outcome.moments if 615 <= moment.at_s < 1080} == {4}


def test_replicas_that_make_it_slower_are_taken_back_and_tried_ever_less_often() -> None:
    outcome, service = headrace(cases.SLOWER)
    at_most = [moment.at_s for moment in outcome.moments if moment.replicas == 12]
    assert Cause.FROZEN in causes(service)
    assert len(at_most) / len(outcome.moments) < 0.2
    assert rival(cases.SLOWER, "KEDA").counts[-1] == 12
    assert outcome.moments[-1].lag_rows < rival(cases.SLOWER, "KEDA").moments[-1].lag_rows


def test_a_downstream_that_is_full_is_not_sent_everybody() -> None:
    outcome, _ = headrace(cases.DOWNSTREAM)
    keda = rival(cases.DOWNSTREAM, "KEDA")
    assert max(outcome.counts) < max(keda.counts) == cases.DOWNSTREAM.setting.partitions
    assert outcome.replica_minutes < keda.replica_minutes / 2


def test_one_hot_partition_does_not_bring_everybody_and_is_named() -> None:
    outcome, service = headrace(cases.HOT)
    warnings = chain.from_iterable(d.warnings for _, d in service.decisions if isinstance(d, Answer))
    assert max(outcome.counts) == 6
    assert any("topic partition 0 asks for" in warning for warning in warnings)
    assert rival(cases.HOT, "KEDA").replica_minutes > 1.5 * outcome.replica_minutes


def test_while_pods_start_no_more_are_asked_for() -> None:
    outcome, _ = headrace(cases.SLOW_START)
    ups = [count for before, count in zip(outcome.counts, outcome.counts[1:], strict=False) if count > before]
    assert len(ups) == 1


def test_an_idle_service_sleeps_and_wakes_on_the_first_message() -> None:
    outcome, service = headrace(cases.SLEEP)
    drained = outcome.drained_s(cases.SLEEP.since_s)
    assert outcome.replicas_at(1499) == 0
    assert outcome.replicas_at(1520) > 0
    assert {Cause.IDLE, Cause.WAKE} <= causes(service)
    assert drained is not None
    assert drained <= CATCH_UP_S


def test_lag_is_counted_in_rows_not_in_messages() -> None:
    assert headrace(cases.BATCHES)[0].counts == headrace(cases.LOAD_STEP)[0].counts


def test_a_rate_that_was_told_too_high_is_corrected_by_what_is_seen() -> None:
    outcome, _ = headrace(cases.TOLD_TOO_HIGH)
    drained = outcome.drained_s(cases.TOLD_TOO_HIGH.since_s)
    assert outcome.direction_changes == 1
    assert drained is not None
    assert drained <= CATCH_UP_S


def test_a_group_that_rebalances_all_the_time_is_not_made_to_rebalance_again() -> None:
    setting = replace(cases.STEADY.setting, rebalance_s=10_000, replicas=2)
    outcome = run(setting, LagService(cases.STEADY.policy), 1200)
    assert outcome.rescales <= 1
