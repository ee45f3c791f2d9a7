"""Everything that talks to the broker has a deadline, and both ways to fail are one error."""

from __future__ import annotations

import asyncio

import pytest
from aiokafka.errors import NodeNotReadyError
from headrace.contract.errors import BrokerUnavailable
from headrace.runtime.kafka import within


async def answer() -> int:
    return 7


async def refuse() -> int:
    raise NodeNotReadyError("no leader")


async def break_down() -> int:
    raise ValueError("a fault of ours")


async def test_an_answer_in_time_is_the_answer() -> None:
    assert await within(60, "topics", answer()) == 7


async def test_no_answer_in_time_says_what_was_asked() -> None:
    with pytest.raises(BrokerUnavailable, match="topics: no answer from Kafka in 0 s"):
        await within(0, "topics", asyncio.Event().wait())


async def test_a_refusal_says_why() -> None:
    with pytest.raises(BrokerUnavailable, match=r"topics: NodeNotReadyError.*no leader"):
        await within(60, "topics", refuse())


async def test_a_fault_of_ours_is_not_blamed_on_the_broker() -> None:
    with pytest.raises(ValueError, match="a fault of ours"):
        await within(60, "topics", break_down())
