"""Rejected rows back to their raw topic, each exactly once however often it is tried and wherever a try is cut short.

1. A transactional producer starts: whoever redrives this topic elsewhere is fenced, and what it left open is aborted.
2. The ledger (runtime.redrive_ledger) says which rows were sent before, and up to where the topic was looked through.
3. From there to the end, records with the header `headrace-redrive` name the rows that a try has sent which could not
   write the ledger any more.
4. The others are sent, in transactions: a part of one is never read.
5. The ledger is written, over exactly the version that was read.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError, ProducerFenced

from headrace.contract.errors import BrokerRefused, BrokerUnavailable, Fenced, NotFound, PreconditionFailed
from headrace.contract.topics import TopicNames
from headrace.runtime.kafka import admin, started, within
from headrace.runtime.kafka_access import KafkaAccess
from headrace.runtime.kafka_failures import refusal
from headrace.runtime.redrive_ledger import Identity, Ledger, decode, encode, ledger_key
from headrace.runtime.topic_ids import Topic, describe
from headrace.store.object_store import ObjectStore

HEADER = "headrace-redrive"
"""On a raw record that was sent again: `<partition>,<offset>,<row>` of the record that was rejected."""

_SECONDS = 30.0
_TRANSACTION_ROWS = 1000
_POLL_MS = 250


@dataclass(frozen=True, slots=True)
class Again:
    """A rejected row and the record that takes its place."""

    row: Identity
    value: bytes


@dataclass(frozen=True, slots=True)
class Redriven:
    """How many rows were sent, and how many had been sent before."""

    sent: int
    before: int


async def redrive(
    kafka: KafkaAccess,
    store: ObjectStore,
    names: TopicNames,
    topic: str,
    rows: Sequence[Again],
    said: Callable[[int], None] = lambda _: None,
) -> Redriven:
    """Send the rows that were not sent before, each to the partition it came from; `said` hears how many are sent.

    Raises BrokerUnavailable (some may be sent: try again), BrokerRefused, Fenced when another redrive of the topic
    has begun, PlanError, StoreError.
    """
    async with admin(kafka, _SECONDS) as client:
        found = (await within(_SECONDS, "topics", describe(client, [topic])))[topic]
    key = ledger_key(names, topic, found)
    async with _producer(kafka, f"{names.prefix}.redrive.{topic}") as producer:
        async with _reader(kafka, topic, found) as reader:
            ledger, etag = await _ledger(store, key, reader)
            done = ledger.done | await _sent_since(reader, topic, ledger)
            due = [row for row in rows if row.row not in done]
            for first in range(0, len(due), _TRANSACTION_ROWS):
                await _send(producer, topic, due[first : first + _TRANSACTION_ROWS])
                said(min(first + _TRANSACTION_ROWS, len(due)))
            after = Ledger(done | {row.row for row in due}, await _ends(reader, topic, ledger))
        if after != ledger:
            try:
                await asyncio.to_thread(store.put, key, encode(after), if_match=etag)
            except PreconditionFailed as error:
                raise Fenced(
                    f"{topic}: another redrive has begun; this one's rows are sent, and it knows them"
                ) from error
    return Redriven(len(due), len(rows) - len(due))


async def _ledger(store: ObjectStore, key: str, reader: AIOKafkaConsumer) -> tuple[Ledger, str]:
    """The ledger and its version; one that begins at the topic's end where there was none."""
    while True:
        try:
            read = await asyncio.to_thread(store.get, key)
            return decode(read.body, key), read.etag
        except NotFound:
            ends = await within(_SECONDS, "offsets", reader.end_offsets(reader.assignment()))
            first = Ledger(frozenset(), {place.partition: offset for place, offset in ends.items()})
            try:
                return first, await asyncio.to_thread(store.put, key, encode(first), if_none_match=True)
            except PreconditionFailed:
                continue  # somebody was first: theirs is read


async def _sent_since(reader: AIOKafkaConsumer, topic: str, ledger: Ledger) -> set[Identity]:
    """The rows whose records are in the topic after the place that was looked through."""
    ends = await _ends(reader, topic, ledger)
    starts = await within(_SECONDS, "offsets", reader.beginning_offsets(reader.assignment()))
    found: set[Identity] = set()
    for place in sorted(reader.assignment()):
        first = max(ledger.looked.get(place.partition, 0), starts[place])
        reader.pause(*(other for other in reader.assignment() if other != place))
        reader.resume(place)
        reader.seek(place, first)
        while await within(_SECONDS, "a position", reader.position(place)) < ends[place.partition]:
            records = await within(_SECONDS, f"records of {topic}", reader.getmany(place, timeout_ms=_POLL_MS))
            for record in records.get(place, ()):
                found.update(_identity(value) for name, value in record.headers if name == HEADER)
    return found


async def _ends(reader: AIOKafkaConsumer, topic: str, ledger: Ledger) -> dict[int, int]:
    places = [TopicPartition(topic, partition) for partition in ledger.looked]
    ends = await within(_SECONDS, "offsets", reader.end_offsets(places))
    return {place.partition: offset for place, offset in ends.items()}


async def _send(producer: AIOKafkaProducer, topic: str, rows: Sequence[Again]) -> None:
    try:
        async with asyncio.timeout(_SECONDS), producer.transaction():
            waiting = [
                await producer.send(topic, row.value, partition=row.row[0], headers=[(HEADER, _header(row.row))])
                for row in rows
            ]
            await asyncio.gather(*waiting)
    except ProducerFenced as error:
        raise Fenced(f"{topic}: another redrive has begun, which sends what this one has not") from error
    except (KafkaError, TimeoutError) as error:
        if refused := refusal(error):
            raise BrokerRefused(f"{topic}: {refused}") from error
        raise BrokerUnavailable(f"{topic}: some rows may not have been sent ({error!r}); run it again") from error


def _header(row: Identity) -> bytes:
    return ",".join(map(str, row)).encode()


def _identity(header: bytes) -> Identity:
    partition, offset, row = map(int, header.split(b","))
    return partition, offset, row


@asynccontextmanager
async def _producer(kafka: KafkaAccess, transactional_id: str) -> AsyncIterator[AIOKafkaProducer]:
    client = AIOKafkaProducer(
        **kafka.options(),
        client_id="headrace-redrive",
        transactional_id=transactional_id,
        transaction_timeout_ms=int(_SECONDS * 1000),
        acks="all",
        max_request_size=8 << 20,  # what a topic takes: a record and more than it
        request_timeout_ms=int(_SECONDS * 1000),
    )
    try:
        await started(client, kafka, _SECONDS)
        yield client
    finally:
        await within(_SECONDS, "closing the connection", client.stop())


@asynccontextmanager
async def _reader(kafka: KafkaAccess, topic: str, found: Topic) -> AsyncIterator[AIOKafkaConsumer]:
    client = AIOKafkaConsumer(
        **kafka.options(),
        client_id="headrace-redrive",
        group_id=None,
        enable_auto_commit=False,
        isolation_level="read_committed",
        request_timeout_ms=int(_SECONDS * 1000),
    )
    try:
        await started(client, kafka, _SECONDS)
        client.assign([TopicPartition(topic, partition) for partition in range(found.partitions)])
        yield client
    finally:
        await within(_SECONDS, "closing the connection", client.stop())
