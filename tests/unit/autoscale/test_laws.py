"""What holds whatever the facts are."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise

from headrace.autoscale.decide import decide
from headrace.autoscale.decision import Answer, Unknown
from headrace.autoscale.facts import Observation
from headrace.autoscale.memory import Memory
from headrace.autoscale.policy import Policy
from hypothesis import given
from hypothesis import strategies as st
from unit.autoscale.parts import answer, observed, partition, settled


@st.composite
def observations(draw: st.DrawFn) -> Observation:
    rows = st.floats(0, 1e6)
    partitions = [
        partition(number, lag=draw(rows), arrival=draw(st.floats(0, 3000)))
        for number in range(draw(st.integers(1, 16)))
    ]
    replicas = draw(st.integers(0, 20))
    found = observed(partitions, replicas=replicas, ready=draw(st.integers(0, replicas)))
    return replace(found, rolling_out=draw(st.booleans()), rebalancing=draw(st.booleans()))


@st.composite
def policies(draw: st.DrawFn) -> Policy:
    maximum = draw(st.integers(1, 20))
    return Policy(
        minimum=draw(st.integers(0, maximum)),
        maximum=maximum,
        start_rate_rows_s=draw(st.floats(10, 5000)),
        utilisation=draw(st.floats(0.3, 1)),
        dead_band=draw(st.floats(0, 0.4)),
        scale_up_window_s=0,
    )


def memories(observation: Observation) -> st.SearchStrategy[Memory]:
    rates = st.none() | st.floats(10, 5000)
    return rates.map(lambda rate: replace(settled(observation.replicas), rate_rows_s=rate))


@given(policies(), observations(), st.data())
def test_never_more_than_the_partitions_or_the_maximum(policy: Policy, now: Observation, data: st.DataObject) -> None:
    decision, _ = decide(policy, now, data.draw(memories(now)))
    assert answer(decision).replicas <= min(policy.maximum, len(now.partitions))


@given(policies(), observations(), st.data())
def test_never_zero_while_there_is_something_to_read(policy: Policy, now: Observation, data: st.DataObject) -> None:
    decision, _ = decide(policy, now, data.draw(memories(now)))
    if any(each.lag_messages for each in now.partitions) or policy.minimum:
        assert answer(decision).replicas > 0


@given(policies(), observations(), st.data(), st.sampled_from([None, math.nan, math.inf, -1.0]))
def test_never_a_number_for_what_is_not_known(
    policy: Policy, now: Observation, data: st.DataObject, unknown: float | None
) -> None:
    which = data.draw(st.integers(0, len(now.partitions) - 1))
    each = now.partitions[which]
    spoiled = data.draw(st.sampled_from([replace(each, lag_rows=unknown), replace(each, arrival_rows_s=unknown)]))
    now = replace(now, partitions=(*now.partitions[:which], spoiled, *now.partitions[which + 1 :]))
    decision, _ = decide(policy, now, data.draw(memories(now)))
    assert isinstance(decision, Unknown)


@given(policies(), observations(), st.data(), st.floats(0, 1e6))
def test_a_larger_backlog_never_brings_fewer(
    policy: Policy, now: Observation, data: st.DataObject, more: float
) -> None:
    memory, which = data.draw(memories(now)), data.draw(st.integers(0, len(now.partitions) - 1))
    each = now.partitions[which]
    assert each.lag_rows is not None
    heavier = replace(each, lag_rows=each.lag_rows + more, log_end=each.log_end + int(more))
    partitions = (*now.partitions[:which], heavier, *now.partitions[which + 1 :])
    before, _ = decide(policy, now, memory)
    after, _ = decide(policy, replace(now, partitions=partitions), memory)
    assert answer(after).replicas >= answer(before).replicas


@given(policies(), observations(), st.data())
def test_what_stays_the_same_changes_the_count_once_at_most(
    policy: Policy, now: Observation, data: st.DataObject
) -> None:
    memory = data.draw(memories(now))
    now = replace(now, rolling_out=False, rebalancing=False, replicas=max(now.replicas, 1))
    counts = [now.replicas]
    for _ in range(4):
        decision, _ = decide(policy, replace(now, replicas=counts[-1], ready=counts[-1]), memory)
        counts.append(answer(decision).replicas)
    assert sum(before != after for before, after in pairwise(counts)) <= 1


@given(policies(), observations(), st.data())
def test_the_same_values_give_the_same_values(policy: Policy, now: Observation, data: st.DataObject) -> None:
    memory = data.draw(memories(now))
    assert decide(policy, now, memory) == decide(policy, now, memory)


@given(policies(), observations(), st.data())
def test_every_number_has_its_reason(policy: Policy, now: Observation, data: st.DataObject) -> None:
    decision, _ = decide(policy, now, data.draw(memories(now)))
    assert isinstance(decision, Answer)
    assert decision.reason
