"""Reads what the services wrote and says which raw records it accounts for; shares no code with them.

A reader of a topic sees repeated messages after a crash and must recognise them by `headrace-origin`, as design §5
says. This is that rule once more, written from the page and not from the code.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow as pa
from confluent_kafka import Consumer, Message, TopicPartition

Identity = tuple[int, int, int]
"""_partition, _offset, _row."""

_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a topic holds for a reader that drops repetitions: each row's identity, counted."""

    rows: Counter[Identity]
    repeated: int  # rows that stood in the topic again and were dropped

    @property
    def doubled(self) -> int:
        """Identities that are there more than once."""
        return sum(1 for count in self.rows.values() if count > 1)


def read_all(kafka: str, topic: str) -> list[Message]:
    """Every message of a topic as it is now, partition by partition."""
    return [message for partition in _read(kafka, topic) for message in partition]


def ends(kafka: str, topic: str) -> dict[int, int]:
    """The number of messages ever written to each partition."""
    consumer = _consumer(kafka)
    try:
        partitions = consumer.list_topics(topic, _SECONDS).topics[topic].partitions
        return {
            number: consumer.get_watermark_offsets(TopicPartition(topic, number), _SECONDS)[1] for number in partitions
        }
    finally:
        consumer.close()


def judge(kafka: str, topic: str) -> Verdict:
    """What a reader gets of an internal topic."""
    found: Counter[Identity] = Counter()
    repeated = 0
    for messages in _read(kafka, topic):
        marks: dict[str, tuple[int, int]] = {}
        for message in messages:
            rows = pa.ipc.open_stream(message.value()).read_all()
            skip = _seen(_origin(message), rows.num_rows, marks)
            repeated += skip
            columns = [rows[name].to_pylist()[skip:] for name in ("_partition", "_offset", "_row")]
            found.update(zip(*columns, strict=True))
    return Verdict(found, repeated)


def rows_of(kafka: str, topic: str) -> pa.Table:
    """All rows of an internal topic without repetitions, in the order of the partitions."""
    tables = []
    for messages in _read(kafka, topic):
        marks: dict[str, tuple[int, int]] = {}
        for message in messages:
            rows = pa.ipc.open_stream(message.value()).read_all()
            tables.append(rows.slice(_seen(_origin(message), rows.num_rows, marks)))
    return pa.concat_tables(tables)


def _origin(message: Message) -> str:
    value = dict(message.headers() or [])["headrace-origin"]
    assert isinstance(value, bytes)
    return value.decode()


def _seen(origin: str, count: int, marks: dict[str, tuple[int, int]]) -> int:
    """How many leading rows were seen before; moves the mark."""
    stage, topic, partition, first_text, next_text, runs_text = origin.split(" ")
    key = f"{stage} {topic} {partition}"
    first, following = _position(first_text), _position(next_text)
    mark = marks.get(key, (0, 0))
    if mark >= following and first != following:
        return count
    skip = 0
    offset, base = first
    for run in [] if runs_text == "-" else runs_text.split(","):
        rows, _, times = run.partition("x")
        for _ in range(int(times or 1)):
            for row in range(base, base + int(rows)):
                skip += (offset, row) < mark
            offset, base = offset + 1, 0
    marks[key] = max(mark, following)
    return skip


def _position(text: str) -> tuple[int, int]:
    offset, _, row = text.partition(".")
    return int(offset), int(row or 0)


def _read(kafka: str, topic: str) -> Iterator[list[Message]]:
    places = sorted(ends(kafka, topic).items())
    consumer = _consumer(kafka)
    try:
        for number, end in places:
            consumer.assign([TopicPartition(topic, number, 0)])
            messages: list[Message] = []
            while (left := end - (messages[-1].offset() or 0) - 1 if messages else end) > 0:
                batch = consumer.consume(left, _SECONDS)  # waits until it has that many
                assert batch, f"{topic} {number}: {left} messages are missing after {_SECONDS:g} s"
                for message in batch:
                    error = message.error()
                    assert error is None, error
                messages += batch
            yield messages
    finally:
        consumer.close()


def _consumer(kafka: str) -> Consumer:
    return Consumer({"bootstrap.servers": kafka, "group.id": "judge", "enable.auto.commit": False})
