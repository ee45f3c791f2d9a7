"""Reads single messages of many partitions without joining a group; the work of a look is bounded."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError
from aiokafka.structs import ConsumerRecord, TopicPartition
from headrace.contract.errors import BrokerUnavailable
from headrace.runtime.kafka import onlooker, within
from headrace.runtime.kafka_failures import translate
from headrace.wire.headers import ROWS

from headrace_lag.rows import Message
from headrace_lag.settings import LagSettings

FETCH_BYTES = 1 << 16
"""Bytes of one partition in one answer; a larger message comes alone."""

_ANSWER_BYTES = 8 << 20
_TURN_MS = 250


@dataclass(frozen=True, slots=True)
class Run:
    """What reading on from one offset has brought, in order; reading would go on at `following`."""

    messages: tuple[Message, ...]
    following: int
    size: int  # bytes


def looker(settings: LagSettings) -> AbstractAsyncContextManager[AIOKafkaConsumer]:
    """The consumer that `read` reads with; raises BrokerUnavailable."""
    return onlooker(
        settings.kafka_access,
        settings.instance,
        settings.broker_seconds,
        partition_bytes=FETCH_BYTES,
        answer_bytes=_ANSWER_BYTES,
        wait_ms=_TURN_MS,
    )


async def read(
    consumer: AIOKafkaConsumer, spots: Mapping[TopicPartition, int], seconds: float
) -> dict[TopicPartition, Run]:
    """What is at each of these offsets; a partition that has not answered within `seconds` is left out.

    Raises BrokerUnavailable.
    """
    runs: dict[TopicPartition, Run] = {}
    waiting = set(spots)
    consumer.assign(list(spots))
    for place, offset in spots.items():
        consumer.seek(place, offset)
    deadline = asyncio.get_running_loop().time() + seconds
    try:
        while waiting and asyncio.get_running_loop().time() < deadline:
            async with asyncio.timeout(seconds):
                batches = await consumer.getmany(*waiting, timeout_ms=_TURN_MS)
            for place, records in batches.items():
                consumer.pause(place)
                runs[place] = _run(records)
            for place in waiting - batches.keys():
                following = await within(seconds, "position", consumer.position(place))
                if following > spots[place]:  # nothing but markers of transactions
                    consumer.pause(place)
                    runs[place] = Run((), following, 0)
            waiting -= runs.keys()
    except TimeoutError as error:
        raise BrokerUnavailable(f"reading single messages: {error!r}") from error
    except KafkaError as error:
        raise translate(error, "reading single messages") from error
    return runs


def _run(records: list[ConsumerRecord]) -> Run:
    messages = tuple(Message(record.offset, _rows(record), record.timestamp) for record in records)
    return Run(messages, records[-1].offset + 1, sum(len(record.value or b"") for record in records))


def _rows(record: ConsumerRecord) -> int:
    """What the message says of its rows; 1 for a record that says nothing, or nothing that is a count."""
    said = next((value for name, value in record.headers if name == ROWS), None)
    return int(said) if said is not None and len(said) <= 10 and said.isdigit() else 1
