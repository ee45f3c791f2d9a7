"""Looking at the demo's topics from outside: ends, times and single records."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import polars as pl
import pyarrow as pa
from confluent_kafka import Consumer, Message, TopicPartition
from headrace.contract.errors import BrokerUnavailable

_SECONDS = 30.0


class Broker:
    """A reader of whole topics that belongs to no group."""

    def __init__(self, kafka: str) -> None:
        self._consumer = Consumer(
            {"bootstrap.servers": kafka, "group.id": "demo", "enable.auto.commit": False, "log_level": 0}
        )

    def close(self) -> None:
        """Let go of the connection."""
        self._consumer.close()

    def ends(self, topic: str) -> dict[int, int]:
        """The number of messages ever written to each partition."""
        partitions = self._consumer.list_topics(topic, _SECONDS).topics[topic].partitions
        return {n: self._consumer.get_watermark_offsets(TopicPartition(topic, n), _SECONDS)[1] for n in partitions}

    def record(self, topic: str, partition: int, offset: int) -> Message:
        """One record."""
        return next(self._read(topic, partition, offset, offset + 1))

    def times(self, topic: str) -> pl.DataFrame:
        """The Kafka time (ms) of every record of a raw topic, by `_partition` and `_offset`."""
        return _frame((message.partition(), message.offset(), message.timestamp()[1]) for message in self._all(topic))

    def row_times(self, topic: str) -> pl.DataFrame:
        """The Kafka time (ms) of the first message that held each row of an internal topic, by the row's identity."""
        parts = []
        for message in self._all(topic):
            rows = pa.ipc.open_stream(message.value()).read_all().select(["_partition", "_offset"])
            if rows.num_rows:
                at = pa.array(np.full(rows.num_rows, message.timestamp()[1]))
                parts.append(pl.from_arrow(rows.append_column("time", at)))
        frames = [part for part in parts if isinstance(part, pl.DataFrame)]
        whole = pl.concat(frames) if frames else _frame(iter(()))
        return whole.with_columns(pl.col("_partition").cast(pl.Int64)).group_by("_partition", "_offset").min()

    def _all(self, topic: str) -> Iterator[Message]:
        for partition, end in sorted(self.ends(topic).items()):
            yield from self._read(topic, partition, 0, end)

    def _read(self, topic: str, partition: int, start: int, end: int) -> Iterator[Message]:
        self._consumer.assign([TopicPartition(topic, partition, start)])
        following = start
        while following < end:
            batch = self._consumer.consume(min(end - following, 10_000), _SECONDS)
            if not batch:
                raise BrokerUnavailable(f"{topic} {partition}: no record at {following} in {_SECONDS:g} s")
            for message in batch:
                if message.error() is not None:
                    raise BrokerUnavailable(f"{topic} {partition}: {message.error()}")
                following = (message.offset() or 0) + 1
                yield message


def _frame(rows: Iterator[tuple[int | None, int | None, int]]) -> pl.DataFrame:
    schema = {"_partition": pl.Int64, "_offset": pl.Int64, "time": pl.Int64}
    return pl.DataFrame(list(rows), schema=schema, orient="row")
