"""Topics read by somebody who belongs to no group and leaves no trace."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pyarrow as pa
from aiokafka import AIOKafkaConsumer, TopicPartition

from headrace.contract.errors import PlanError
from headrace.runtime import topics
from headrace.runtime.intake import LogIntake
from headrace.runtime.kafka import admin, fetched, started, within
from headrace.runtime.kafka_access import KafkaAccess
from headrace.runtime.stage import Arrival

_SECONDS = 15.0
_POLL_MS = 250


@dataclass(frozen=True, slots=True)
class Arrived:
    """A message's rows, repeats left out; no rows, and the reason, where the gate has refused it."""

    topic: str
    partition: int
    offset: int
    rows: pa.Table
    refused: str = ""


@asynccontextmanager
async def follow(
    kafka: KafkaAccess, schemas: Mapping[str, pa.Schema], *, from_start: bool
) -> AsyncIterator[AsyncIterator[Arrived]]:
    """Messages of these topics in the order of each partition, and new ones without end.

    The place to begin is fixed on enter: the oldest message, or the next. Raises BrokerUnavailable, BrokerRefused,
    PlanError for a topic that does not exist.
    """
    places = [
        TopicPartition(topic, number)
        for topic, count in (await _counts(kafka, schemas)).items()
        for number in range(count)
    ]
    consumer = AIOKafkaConsumer(
        **kafka.options(),
        client_id="headrace-tail",
        group_id=None,
        enable_auto_commit=False,
        auto_offset_reset="earliest",  # what was deleted meanwhile is passed over
        isolation_level="read_committed",
        request_timeout_ms=int(_SECONDS * 1000),
    )
    try:
        await started(consumer, kafka, _SECONDS)
        consumer.assign(places)
        asked = consumer.beginning_offsets if from_start else consumer.end_offsets
        for place, offset in (await within(_SECONDS, "offsets", asked(places))).items():
            consumer.seek(place, offset)
        yield _messages(consumer, schemas)
    finally:
        await within(_SECONDS, "closing the connection", consumer.stop())


async def _counts(kafka: KafkaAccess, schemas: Mapping[str, pa.Schema]) -> dict[str, int]:
    async with admin(kafka, _SECONDS) as client:
        found = await topics.existing(client, _SECONDS)
    if missing := [topic for topic in schemas if topic not in found]:
        raise PlanError(
            f"Kafka at {kafka.servers} has no topic {', '.join(missing)}; `headrace apply` creates what is missing"
        )
    return {topic: found[topic] for topic in schemas}


async def _messages(consumer: AIOKafkaConsumer, schemas: Mapping[str, pa.Schema]) -> AsyncIterator[Arrived]:
    intakes: dict[TopicPartition, LogIntake] = {}
    while True:
        for place, records in (await fetched(consumer, _POLL_MS)).items():
            schema = schemas[place.topic]
            intake = intakes.setdefault(place, LogIntake("tail", place.topic, schema, None, {}))
            for record in records:
                admitted = intake.admit([record])
                arrived = (item.rows for item in admitted.items if isinstance(item, Arrival))
                rows = pa.concat_tables([schema.empty_table(), *arrived])
                refused = "; ".join(admitted.refused["detail"].to_pylist())
                yield Arrived(place.topic, place.partition, record.offset, rows, refused)
