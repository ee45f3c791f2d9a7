"""Tenants on one Kafka and one S3 server: their users, and what each of them tries."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from itertools import count
from typing import Any

from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.errors import for_code
from aiokafka.protocol.api import Request, RequestStruct
from aiokafka.protocol.fetch import FetchRequest
from aiokafka.protocol.offset import OffsetRequest
from headrace.contract.errors import BrokerRefused
from headrace.runtime import kafka, topic_ids, topics
from headrace.runtime.kafka_access import KafkaAccess
from headrace.runtime.kafka_failures import translate
from headrace.runtime.settings import Settings

SECONDS = 15.0
_numbers = count(1)

Try = Callable[[KafkaAccess, str, str], Coroutine[Any, Any, None]]
"""Does one thing as somebody, `own` tenant, to what `whose` tenant has; raises BrokerRefused where it may not."""


def topic_of(tenant: str) -> str:
    """A topic that each tenant has, with one partition and one record in it."""
    return f"{tenant}.matrix.rows"


def settings_of(access: KafkaAccess) -> Settings:
    """What a service is told that comes in this way."""
    return Settings(
        pipeline="pipeline.yaml",
        s3_endpoint="http://127.0.0.1:1",
        s3_bucket="unused",
        kafka=access.servers,
        kafka_security=access.security,
        kafka_ca_file=access.ca_file,
        kafka_cert_file=access.cert_file,
        kafka_key_file=access.key_file,
        kafka_user=access.user,
        kafka_password=access.password,
        instance=f"tenants-{next(_numbers)}",
        session_seconds=6.0,
    )


async def read(access: KafkaAccess, own: str, whose: str) -> None:
    """Asks the broker itself: the library's consumer waits for ever for a topic that it may not see."""
    request = FetchRequest(500, 1, 1 << 20, 0, [(topic_of(whose), [(0, 0, 1 << 20)])])
    assert (await _asked(access, request))[-1]  # the records


async def write(access: KafkaAccess, own: str, whose: str) -> None:
    async with kafka.producer(settings_of(access)) as producer:
        await kafka.within(SECONDS, "sending", producer.send_and_wait(topic_of(whose), b"row", partition=0))


async def create_topic(access: KafkaAccess, own: str, whose: str) -> None:
    async with kafka.admin(access, SECONDS) as admin:
        await topics.create(admin, {f"{whose}.matrix.made{next(_numbers)}": 1}, SECONDS)


async def delete_topic(access: KafkaAccess, own: str, whose: str) -> None:
    async with kafka.admin(access, SECONDS) as admin:
        answer = await kafka.within(SECONDS, "deleting", admin.delete_topics([topic_of(whose)]))
    ((name, code, *_),) = answer.topic_error_codes
    if code:
        raise translate(for_code(code)(name), "deleting")


async def transact(access: KafkaAccess, own: str, whose: str) -> None:
    """Write in a transaction of whose name, as a redrive does, into one's own topic."""
    producer = AIOKafkaProducer(**access.options(), transactional_id=f"{whose}.matrix.redrive{next(_numbers)}")
    try:
        await kafka.within(SECONDS, "a transaction", producer.start())
        async with asyncio.timeout(SECONDS), producer.transaction():
            await producer.send_and_wait(topic_of(own), b"row", partition=0)
    finally:
        await producer.stop()


async def describe(access: KafkaAccess, own: str, whose: str) -> None:
    async with kafka.admin(access, SECONDS) as admin:
        seen = await topics.existing(admin, SECONDS)
        described = await topic_ids.describe(admin, [topic_of(whose)])
    assert topic_of(whose) in seen
    assert described.keys() == {topic_of(whose)}


async def join_group(access: KafkaAccess, own: str, whose: str) -> None:
    group = f"{whose}.matrix.joined{next(_numbers)}"
    async with kafka.consumer(settings_of(access), group) as consumer, asyncio.timeout(SECONDS):
        consumer.subscribe([topic_of(own)])
        while not consumer.assignment():
            await kafka.fetched(consumer, 200)


async def commit_offsets(access: KafkaAccess, own: str, whose: str) -> None:
    """In the other's group, of one's own topic: only the group can be what is refused."""
    place = TopicPartition(topic_of(own), 0)
    async with kafka.consumer(settings_of(access), f"{whose}.matrix.committers") as consumer:
        consumer.assign([place])
        await kafka.within(SECONDS, "commit", consumer.commit({place: 1}))


async def list_offsets(access: KafkaAccess, own: str, whose: str) -> None:
    """Asks the broker itself, for the same reason."""
    latest = -1
    assert (await _asked(access, OffsetRequest(-1, 0, [(topic_of(whose), [(0, latest)])])))[-1] >= 1


async def _asked(access: KafkaAccess, request: Request[RequestStruct]) -> tuple[Any, ...]:
    """What the broker says of the one partition that is asked for; its error code comes second."""
    async with kafka.admin(access, SECONDS) as admin:
        answer = await kafka.within(SECONDS, "asking", admin._send_request(request))
    ((topic, (said,)),) = answer.topics
    if said[1]:
        raise translate(for_code(said[1])(topic), "asking")
    return tuple(said)


TRIES: dict[str, Try] = {
    act.__name__: act
    for act in (read, write, transact, create_topic, delete_topic, describe, join_group, commit_offsets, list_offsets)
}
OWN = {name: name != "delete_topic" for name in TRIES}
"""What a tenant may do with what is its own; with what is another's, nothing."""


def outcome(act: Try, access: KafkaAccess, own: str, whose: str) -> str | None:
    """None where it was allowed, else why it was refused."""
    try:
        asyncio.run(act(access, own, whose))
    except BrokerRefused as error:
        return str(error)
    return None


def make_topics(admin: KafkaAccess, tenants: Sequence[str]) -> None:
    """Each tenant's topic, with a record in it."""

    async def make() -> None:
        async with kafka.admin(admin, SECONDS) as client:
            await topics.create(client, {topic_of(tenant): 1 for tenant in tenants}, SECONDS)

    asyncio.run(make())
    for tenant in tenants:
        produce(admin, topic_of(tenant), b"row")


def produce(access: KafkaAccess, topic: str, value: bytes) -> None:
    """Send one record to partition 0."""

    async def send() -> None:
        async with kafka.producer(settings_of(access)) as producer:
            await kafka.within(SECONDS, "sending", producer.send_and_wait(topic, value, partition=0))

    asyncio.run(send())
