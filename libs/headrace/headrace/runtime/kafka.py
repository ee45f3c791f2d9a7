"""The Kafka clients of a service, with a deadline on everything that talks to the broker."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Collection, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Protocol, TypeVar

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from headrace.contract.errors import BrokerUnavailable, TopicsMissing
from headrace.runtime.kafka_access import KafkaAccess
from headrace.runtime.kafka_failures import no_connection, told_reasons, translate
from headrace.runtime.patience import Patience
from headrace.runtime.settings import Settings
from headrace.runtime.topic_ids import Topic, describe

T = TypeVar("T")

_log = logging.getLogger(__name__)

_STOP_SECONDS = 5.0
_MAX_POLL_MS = 86_400_000  # the watchdog is ours; the client's would only report a long step as a lost member


class Startable(Protocol):
    """A client of aiokafka before it is started."""

    async def start(self) -> None:
        """Connect."""


async def within(seconds: float, what: str, work: Awaitable[T]) -> T:
    """The result of `work`; raises BrokerUnavailable when it fails or is not there in time, BrokerRefused."""
    try:
        async with asyncio.timeout(seconds):
            return await work
    except TimeoutError as error:
        raise BrokerUnavailable(f"{what}: no answer from Kafka in {seconds:g} s") from error
    except KafkaError as error:
        raise translate(error, what) from error


async def started(client: Startable, access: KafkaAccess, seconds: float) -> None:
    """Start a client; raises BrokerRefused or BrokerUnavailable with the reason that the library only logs."""
    with told_reasons() as reasons:
        try:
            async with asyncio.timeout(seconds):
                await client.start()
        except (KafkaError, OSError) as error:  # TimeoutError is an OSError
            raise no_connection(access, error, reasons) from error


async def fetched(
    consumer: AIOKafkaConsumer, timeout_ms: int
) -> Mapping[TopicPartition, Sequence[ConsumerRecord[bytes, bytes]]]:
    """The records that have come, none after the time-out; raises BrokerRefused and BrokerUnavailable."""
    try:
        found: Mapping[TopicPartition, Sequence[ConsumerRecord[bytes, bytes]]] = await consumer.getmany(
            timeout_ms=timeout_ms
        )
    except KafkaError as error:
        raise translate(error, "reading") from error
    return found


@asynccontextmanager
async def admin(access: KafkaAccess, seconds: float) -> AsyncIterator[AIOKafkaAdminClient]:
    """An admin client; raises BrokerUnavailable and BrokerRefused that say why the broker cannot be used."""
    client = AIOKafkaAdminClient(**access.options(), request_timeout_ms=int(seconds * 1000))
    try:
        await started(client, access, seconds)
        yield client
    finally:
        await _stopped("admin client", client.close())


@asynccontextmanager
async def found_topics(
    access: KafkaAccess, seconds: float, names: Collection[str], patience: Patience
) -> AsyncIterator[tuple[AIOKafkaAdminClient, dict[str, Topic]]]:
    """An admin client and the topics of these names, looked for with new clients while they or Kafka are not there.

    A broker that has just started, or that its controller has fenced for a moment, answers that there is no broker.
    Raises BrokerUnavailable and TopicsMissing when the patience has ended, and BrokerRefused at once.
    """
    while True:
        async with AsyncExitStack() as stack:
            try:
                client = await stack.enter_async_context(admin(access, seconds))
                found = await within(seconds, "topics", describe(client, names))
            except (BrokerUnavailable, TopicsMissing) as error:
                failed = error
            else:
                yield client, found
                return
        await patience.after(failed)


@asynccontextmanager
async def consumer(settings: Settings, group: str) -> AsyncIterator[AIOKafkaConsumer]:
    """A consumer that commits nothing by itself.

    It joins as a static member, so that its partitions wait for it when it crashes and is started again.
    """
    client = AIOKafkaConsumer(
        **settings.kafka_access.options(),
        group_id=group,
        group_instance_id=settings.instance,
        client_id=settings.instance,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        isolation_level="read_committed",
        session_timeout_ms=int(settings.session_seconds * 1000),
        heartbeat_interval_ms=int(heartbeat_seconds(settings.session_seconds) * 1000),
        rebalance_timeout_ms=int((settings.drain_seconds + settings.session_seconds) * 1000),
        max_poll_interval_ms=_MAX_POLL_MS,
        request_timeout_ms=int(settings.broker_seconds * 1000),
        max_partition_fetch_bytes=settings.fetch_bytes,
        fetch_max_bytes=8 * settings.fetch_bytes,
        fetch_max_wait_ms=250,
    )
    try:
        await started(client, settings.kafka_access, settings.broker_seconds)
        yield client
    finally:
        await _stopped("consumer", client.stop())


def heartbeat_seconds(session: float) -> float:
    """Seconds between two heartbeats: ten in a session, and no more than one.

    A member hears of a rebalance by its next heartbeat, and nobody has partitions before the last member has heard.
    """
    return min(session / 10, 1.0)


def leave_at_stop(client: AIOKafkaConsumer) -> None:
    """Let a consumer leave its group when it is stopped, so that others take over at once (docs/adr/0010).

    The library takes no leave where it has joined as a static member, and has no other way to be told so.
    """
    client._coordinator._group_instance_id = None


@asynccontextmanager
async def onlooker(
    access: KafkaAccess, name: str, seconds: float, *, partition_bytes: int, answer_bytes: int, wait_ms: int
) -> AsyncIterator[AIOKafkaConsumer]:
    """A consumer in no group, that is told where to read and sees what the services see.

    `partition_bytes` of one partition and `answer_bytes` of all come in one answer, for which it waits `wait_ms`.
    Raises BrokerUnavailable and BrokerRefused.
    """
    client = AIOKafkaConsumer(
        **access.options(),
        client_id=name,
        group_id=None,
        enable_auto_commit=False,
        auto_offset_reset="none",
        isolation_level="read_committed",
        request_timeout_ms=int(seconds * 1000),
        max_partition_fetch_bytes=partition_bytes,
        fetch_max_bytes=answer_bytes,
        fetch_max_wait_ms=wait_ms,
    )
    try:
        await started(client, access, seconds)
        yield client
    finally:
        await _stopped("consumer", client.stop())


@asynccontextmanager
async def producer(settings: Settings) -> AsyncIterator[AIOKafkaProducer]:
    """An idempotent producer that waits for all replicas; compression is off, since lz4 lives inside the messages."""
    client = AIOKafkaProducer(
        **settings.kafka_access.options(),
        client_id=settings.instance,
        acks="all",
        enable_idempotence=True,
        linger_ms=0,
        compression_type=None,
        max_request_size=settings.message_bytes + (1 << 20),
        request_timeout_ms=int(settings.broker_seconds * 1000),
    )
    try:
        await started(client, settings.kafka_access, settings.broker_seconds)
        yield client
    finally:
        await _stopped("producer", client.stop())


async def _stopped(what: str, work: Awaitable[None]) -> None:
    """Wait for a client to stop; what it still had to say is lost by then, so a failure is only logged."""
    try:
        async with asyncio.timeout(_STOP_SECONDS):
            await work
    except (KafkaError, TimeoutError) as error:
        _log.warning("the %s did not stop cleanly: %r", what, error)
