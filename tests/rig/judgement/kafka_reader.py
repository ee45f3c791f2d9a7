"""Kafka as librdkafka shows it: records, ends and committed offsets."""

from __future__ import annotations

import base64
import time
from collections.abc import Iterable, Sequence
from types import TracebackType
from typing import Self

from confluent_kafka import (
    Consumer,
    KafkaException,
    Message,
    TopicCollection,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin import OffsetSpec as _OffsetSpec  # type: ignore[attr-defined]  # documented there

from rig.judgement.content import Record
from rig.judgement.evidence import Place
from rig.judgement.facts import Facts

_SECONDS = 30.0
_MORE = 30.0  # than a request may take, so that its own error is what is seen
_BATCH = 2_000
_PAUSE = 0.2  # seconds in which a batch must come together


class KafkaReader:
    """Reads whole topics without a group of its own, and asks what other groups have committed.

    Each request may take `seconds`.
    """

    def __init__(self, kafka: str, seconds: float = _SECONDS) -> None:
        self._kafka = kafka
        self._seconds = seconds
        self._consumer = self._consumer_of("judge")
        self._members: dict[str, Consumer] = {}  # of the groups that were asked about
        self._admin = AdminClient({"bootstrap.servers": kafka})

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for consumer in (self._consumer, *self._members.values()):
            consumer.close()

    def _consumer_of(self, group: str) -> Consumer:
        return Consumer(
            {
                "bootstrap.servers": self._kafka,
                "group.id": group,
                "enable.auto.commit": False,
                "fetch.message.max.bytes": 8 << 20,
                "fetch.wait.max.ms": 50,
                "reconnect.backoff.max.ms": 500,
            }
        )

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

    def committed(self, group: str, topics: Sequence[str]) -> dict[Place, int]:
        """What a group has committed for the partitions of these topics; raises KafkaException.

        Asked as a member that never joins: the admin client's own request for it ends the process when an answer comes
        after its deadline (librdkafka issue 4605), and goes on asking a coordinator that was killed.
        """
        if group not in self._members:
            self._members[group] = self._consumer_of(group)
        places = [TopicPartition(*place) for place in self.partitions(topics)]
        found = self._members[group].committed(places, self._seconds)
        return {(each.topic, each.partition): int(each.offset) for each in found if each.offset >= 0}

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


def snapshot_of_groups(reader: KafkaReader, facts: Facts) -> dict[str, dict[Place, int]]:
    """Service → what its group has committed of what it reads."""
    reads = facts.inputs_of_groups()
    return {service: reader.committed(facts.group(service), topics) for service, topics in reads.items()}


def _headers(message: Message) -> tuple[tuple[str, bytes | None], ...]:
    found = message.headers() or []
    pairs = found.items() if isinstance(found, dict) else found
    return tuple((name, value.encode() if isinstance(value, str) else value) for name, value in pairs)


def _hex(topic_id: str) -> str:
    """Kafka shows an id in base64, the lake's transactions have it in hex."""
    return base64.urlsafe_b64decode(f"{topic_id}==").hex()
