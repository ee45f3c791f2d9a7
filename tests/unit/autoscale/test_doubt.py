"""Facts that cannot be believed: an error with its reason, never a number."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from headrace.autoscale.decide import decide
from headrace.autoscale.decision import Cause, Unknown
from headrace.autoscale.facts import Observation, Partition, Unread
from headrace.autoscale.memory import Memory
from unit.autoscale.parts import POLICY, even, observed, partition, settled


def refused(observation: Observation | Unread, memory: Memory | None = None) -> Unknown:
    decision, _ = decide(POLICY, observation, memory or settled(2))
    assert isinstance(decision, Unknown), decision
    return decision


def test_no_facts_are_no_answer() -> None:
    assert refused(Unread(1000, "no broker answers")) == Unknown(Cause.UNREAD, "no broker answers")


def test_old_facts_are_no_answer() -> None:
    assert refused(replace(observed(), read_at_s=960)) == Unknown(
        Cause.STALE, "the facts are 40 s old, and 30 s are believed"
    )


def test_no_partitions_are_no_answer() -> None:
    assert refused(replace(observed(), partitions=())).cause is Cause.UNREAD


@pytest.mark.parametrize(
    ("wrong", "cause", "says"),
    [
        (replace(partition(), lag_rows=None), Cause.UNREAD, "its lag in rows is not known"),
        (replace(partition(), arrival_rows_s=None), Cause.UNREAD, "its arrival rate is not known"),
        (replace(partition(), lag_rows=math.nan), Cause.CONTRADICTION, "its lag in rows is nan"),
        (replace(partition(), lag_rows=-5), Cause.CONTRADICTION, "its lag in rows is -5"),
        (
            replace(partition(), committed=1001),
            Cause.CONTRADICTION,
            "offset 1001 is committed and the log ends at 1000",
        ),
        (replace(partition(), log_start=1001), Cause.CONTRADICTION, "starts at 1001, ends at 1000"),
        (replace(partition(), noted_topic_id="id-0"), Cause.RECREATED, "has id id-1 and had id-0"),
    ],
)
def test_one_partition_that_cannot_be_believed_is_no_answer(wrong: Partition, cause: Cause, says: str) -> None:
    found = refused(observed([wrong, *even()[1:]]))
    assert (found.cause, says in found.reason) == (cause, True), found


def test_a_partition_that_is_told_twice_is_no_answer() -> None:
    assert refused(observed([partition(), partition()])).cause is Cause.CONTRADICTION


def test_a_topic_that_was_created_again_while_we_looked_is_no_answer_ever_after() -> None:
    _, memory = decide(POLICY, observed(), Memory())
    again = [replace(each, topic_id="id-2", log_end=0, committed=None, lag_rows=0) for each in even()]
    for at in (1005, 1010, 5000):
        decision, memory = decide(POLICY, observed(again, at=at), memory)
        assert isinstance(decision, Unknown)
        assert decision.cause is Cause.RECREATED
