"""The topics that a pipeline was built on, each by its id, noted in the object store when a service first sees it.

A topic that was deleted and created again has its old name and another id. Its offsets begin again at 0, so its rows
would pass for rows that every reader has had. A service that meets such a topic stops; it is never taken for the old
one. Key: `topics/<tenant>/<pipeline>/<topic>`; the object is the id.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from headrace.contract.errors import BrokerUnavailable, DataLoss, NotFound, PlanError, PreconditionFailed
from headrace.contract.topics import TopicNames
from headrace.runtime.kafka import within
from headrace.runtime.topic_ids import Topic, describe
from headrace.store.object_store import ObjectStore

_LOOK_SECONDS = 5.0


def hold(store: ObjectStore, names: TopicNames, found: Mapping[str, Topic]) -> None:
    """Note the topics that nobody has noted yet; raises DataLoss for one that is not the noted one, StoreError."""
    for topic, now in found.items():
        noted = _noted(store, names, topic)
        if noted is None:
            try:
                store.put(_key(names, topic), now.id.encode(), if_none_match=True)
            except PreconditionFailed:  # another service was first
                noted = _noted(store, names, topic)
        if noted not in (None, now.id):
            raise DataLoss(_recreated(topic, str(noted), now.id))


def take_anew(store: ObjectStore, names: TopicNames, found: Mapping[str, Topic]) -> None:
    """Note all topics of a pipeline as they are now; raises PlanError unless every one of them is new, StoreError."""
    if same := [topic for topic, now in found.items() if _noted(store, names, topic) == now.id]:
        raise PlanError(
            f"these topics are still the old ones: {', '.join(same)}. What they hold rests on those that are gone;"
            " delete them too and apply again, or give the pipeline another name"
        )
    for topic, now in found.items():
        store.put(_key(names, topic), now.id.encode())


async def watch(admin: AIOKafkaAdminClient, found: Mapping[str, Topic], seconds: float) -> None:
    """Look again and again whether the topics are still these; raises DataLoss when one is another.

    A look without an answer says nothing: whoever reads or writes has deadlines of its own. Nor does a topic that is
    not there: a broker that has just started knows no topic for a moment.
    """
    while True:
        await asyncio.sleep(_LOOK_SECONDS)
        try:
            now = await within(seconds, "topics", describe(admin, found))
        except (BrokerUnavailable, KafkaError, PlanError):
            continue
        for topic, was in found.items():
            if now[topic].id != was.id:
                raise DataLoss(_recreated(topic, was.id, now[topic].id))


def _noted(store: ObjectStore, names: TopicNames, topic: str) -> str | None:
    try:
        return store.get(_key(names, topic)).body.decode()
    except NotFound:
        return None


def _key(names: TopicNames, topic: str) -> str:
    return f"topics/{names.tenant}/{names.pipeline}/{topic}"


def _recreated(topic: str, was: str, now: str) -> str:
    return (
        f"the topic {topic} was deleted and created again (its id was {was} and is {now}): rows in it would pass for"
        " old ones and be dropped. Give the pipeline another name, or delete its other topics too and run"
        " `headrace apply --recreated`"
    )
