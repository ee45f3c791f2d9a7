"""Topics as they are in Kafka, and making those that are missing."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import TopicAuthorizationFailedError, for_code

from headrace.contract.errors import BrokerUnavailable
from headrace.runtime.kafka import within
from headrace.runtime.kafka_failures import translate

_REPLICAS = 3
_LOOK_SECONDS = 0.05
_EXISTS = 36  # TOPIC_ALREADY_EXISTS
_FORBIDDEN = TopicAuthorizationFailedError.errno
_SETTINGS = {"max.message.bytes": str(8 << 20), "message.timestamp.type": "CreateTime"}


async def existing(admin: AIOKafkaAdminClient, seconds: float) -> dict[str, int]:
    """Every topic that exists, with its number of partitions. Raises BrokerUnavailable."""
    found = await within(seconds, "topics", admin.describe_topics())
    return {topic["topic"]: len(topic["partitions"]) for topic in found}


async def create(admin: AIOKafkaAdminClient, topics: Mapping[str, int], seconds: float) -> None:
    """Create topics with these numbers of partitions and return when they are there; one that exists is left as it is.

    Each has three replicas, or as many as there are brokers. Raises BrokerUnavailable that names every topic that was
    refused, and why; BrokerRefused where that is for want of a permission.
    """
    cluster = await within(seconds, "brokers", admin.describe_cluster())
    replicas = min(_REPLICAS, len(cluster["brokers"]))
    wanted = [NewTopic(name, count, replicas, topic_configs=_SETTINGS) for name, count in topics.items()]
    answer = await within(seconds, "creating topics", admin.create_topics(wanted))
    refused = [(name, code) for name, code, *_ in answer.topic_errors if code not in (0, _EXISTS)]
    if refused:
        if forbidden := [name for name, code in refused if code == _FORBIDDEN]:
            raise translate(TopicAuthorizationFailedError(forbidden), "creating topics")
        why = "; ".join(f"{name}: {for_code(code).__name__}" for name, code in refused)
        raise BrokerUnavailable(f"topics were not created: {why}")
    await within(seconds, "new topics", _visible(admin, topics, seconds))


async def _visible(admin: AIOKafkaAdminClient, topics: Mapping[str, int], seconds: float) -> None:
    """Brokers hear of a new topic from the controller, a moment after it has answered."""
    while True:
        found = await existing(admin, seconds)
        if topics.keys() <= found.keys():
            return
        await asyncio.sleep(_LOOK_SECONDS)
