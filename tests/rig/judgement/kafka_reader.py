"""Kafka as librdkafka shows it: records, ends and committed offsets."""

from __future__ import annotations

import base64
import time
from collections.abc import Iterable, Mapping, Sequence
from types import TracebackType
from typing import Self

from confluent_kafka import (
    Consumer,
    ConsumerGroupTopicPartitions,
    KafkaError,
    KafkaException,
    Message,
    TopicCollection,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin import OffsetSpec as _OffsetSpec  # type: ignore[attr-defined]  # documented there

from rig.judgement.content import Record
from rig.judgement.evidence import Place

_SECONDS = 30.0
_MORE = 30.0  # than a request may take: a client that is dropped while one is under way takes the process with it
_BATCH = 2_000
_PAUSE = 0.2  # seconds in which a batch must come together


class KafkaReader:
    """Reads whole topics without a group of its own, and asks what other groups have committed.

    Each request may take `seconds`. What fails is asked by a new client the next time: after its broker was killed,
    librdkafka's goes on asking the coordinator that is gone. Spent ones are kept until the reader itself goes.
    """

    def __init__(self, kafka: str, seconds: float = _SECONDS) -> None:
        self._kafka = kafka
        self._seconds = seconds
        self._spent: list[AdminClient] = []
        self._consumer = Consumer(
            {
                "bootstrap.servers": kafka,
                "group.id": "judge",
                "enable.auto.commit": False,
                "fetch.message.max.bytes": 8 << 20,
                "fetch.wait.max.ms": 50,
            }
        )
        self._admin = self._client()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._consumer.close()

    def partitions(self, topics: Iterable[str]) -> list[Place]:
        """Every partition of these topics."""
        known = self._consumer.list_topics(timeout=self._seconds).topics
        return [(topic, number) for topic in topics for number in sorted(known[topic].partitions)]

    def topic_ids(self, topics: Sequence[str]) -> dict[str, str]:
        """The id of each topic, in hex."""
        found = self._admin.describe_topics(TopicCollection(list(topics)), request_timeout=self._seconds)
        return {topic: _hex(str(future.result(self._seconds + _MORE).topic_id)) for topic, future in found.items()}

    def ends(self, places: Iterable[Place]) -> dict[Place, int]:
        """Where each partition ends now."""
        latest = _OffsetSpec.latest()  # type: ignore[no-untyped-call]
        asked = {TopicPartition(*place): latest for place in places}
        found = self._admin.list_offsets(asked, request_timeout=self._seconds)
        return {
            (each.topic, each.partition): int(future.result(self._seconds + _MORE).offset)
            for each, future in found.items()
        }

    def committed(self, group: str) -> dict[Place, int]:
        """What a group has committed; nothing for one that does not exist. Raises KafkaException, TimeoutError."""
        asked = [ConsumerGroupTopicPartitions(group)]
        (future,) = self._admin.list_consumer_group_offsets(asked, request_timeout=self._seconds).values()
        try:
            found = future.result(self._seconds + _MORE).topic_partitions
        except KafkaException as error:
            if error.args[0].code() == KafkaError.GROUP_ID_NOT_FOUND:
                return {}
            self._spent.append(self._admin)
            self._admin = self._client()
            raise
        return {(each.topic, each.partition): int(each.offset) for each in found if each.offset >= 0}

    def _client(self) -> AdminClient:
        return AdminClient({"bootstrap.servers": self._kafka})

    def records(self, topics: Sequence[str]) -> dict[str, list[list[Record]]]:
        """Every record of these topics as they are now, partition by partition."""
        ends = self.ends(self.partitions(topics))
        found: dict[Place, list[Record]] = {place: [] for place in ends}
        left = {place for place, end in ends.items() if end}
        self._consumer.assign([TopicPartition(topic, number, 0) for topic, number in left])
        deadline = time.monotonic() + _SECONDS
        while left:
            for message in self._consumer.consume(_BATCH, _PAUSE):
                if (error := message.error()) is not None:
                    raise KafkaException(error)
                place = (str(message.topic()), int(message.partition() or 0))
                _, timestamp = message.timestamp()
                offset = int(message.offset() or 0)
                if offset < ends[place]:
                    found[place].append(Record(place[1], offset, timestamp, message.value(), _headers(message)))
                if offset + 1 >= ends[place]:
                    left.discard(place)
                deadline = time.monotonic() + _SECONDS
            if time.monotonic() > deadline:
                raise TimeoutError(f"nothing came for {_SECONDS:g} s, and {sorted(left)} have not been read to the end")
        self._consumer.unassign()
        return {topic: [found[place] for place in sorted(found) if place[0] == topic] for topic in topics}


def snapshot_of_groups(reader: KafkaReader, groups: Mapping[str, str]) -> dict[str, dict[Place, int]]:
    """Service → what its group (given by service) has committed."""
    return {service: reader.committed(group) for service, group in groups.items()}


def _headers(message: Message) -> tuple[tuple[str, bytes | None], ...]:
    found = message.headers() or []
    pairs = found.items() if isinstance(found, dict) else found
    return tuple((name, value.encode() if isinstance(value, str) else value) for name, value in pairs)


def _hex(topic_id: str) -> str:
    """Kafka shows an id in base64, the lake's transactions have it in hex."""
    return base64.urlsafe_b64decode(f"{topic_id}==").hex()
