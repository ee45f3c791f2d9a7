"""One topic on its way into its tables: gate, drop repetitions, hand rows to the sinks, and write them all at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from headrace.lake.sink import Sink
from headrace.lake.tables import Table
from headrace.runtime.intake import Consumed, LogIntake
from headrace.runtime.marks import Heard
from headrace.runtime.outbox import Outbox, Send
from headrace.runtime.stage import Arrival, Effects
from headrace.store.object_store import ObjectStore
from headrace.wire.headers import Progress
from headrace.wire.origin import OriginKey
from headrace.wire.position import Position

NAME = "lake"


class TopicLane:
    """The tables of one topic, for one thread at a time; `quarantine` is that topic's name and its partitions."""

    def __init__(
        self, store: ObjectStore, tables: Sequence[Table], topic_id: str, quarantine: tuple[str, int], limit: int
    ) -> None:
        self.topic = tables[0].topic
        self._schema = tables[0].read_schema
        self._sinks = [Sink(store, table, topic_id) for table in tables]
        self._quarantine = quarantine
        self._limit = limit
        self._intakes: dict[int, LogIntake] = {}
        self._outboxes: dict[int, Outbox] = {}
        self._positions: dict[int, int] = {}
        self.sends: list[Send] = []  # refused messages for the quarantine, to be sent before the next flush

    def open(self, partitions: Sequence[int]) -> Mapping[int, int]:
        """Own these partitions and no others; returns where to read on in each. What was not flushed is dropped."""
        for sink in self._sinks:
            sink.open(list(partitions))
        self.sends = []
        self._positions = {}
        for number in partitions:
            # The tables of one topic are written one after the other: begin with the one that has come least far.
            behind = min(self._sinks, key=partial(_position, number))
            marks = {_key(text): Heard(mark, _SILENT) for text, mark in behind.marks(number).items()}
            self._positions[number] = behind.position(number)
            self._intakes[number] = LogIntake(NAME, self.topic, self._schema, None, marks)
            name, width = self._quarantine
            key = OriginKey(NAME, self.topic, number)
            self._outboxes[number] = Outbox(key, (), {}, (name, number % width), self._limit)
        return dict(self._positions)

    @property
    def buffered_bytes(self) -> int:
        """Bytes of rows that wait to be written."""
        return sum(sink.buffered_bytes for sink in self._sinks)

    def take(self, partition: int, records: Sequence[Consumed]) -> int:
        """Take the next records of a partition; returns how many messages were refused."""
        intake = self._intakes[partition]
        admitted = intake.admit(records)
        for item in admitted.items:
            assert isinstance(item, Arrival), "an internal topic holds messages"
            for sink in self._sinks:
                sink.add(partition, item.offset, item.rows, item.progress)
        following = records[-1].offset + 1
        if admitted.refused.num_rows:
            first, end = Position(self._positions[partition]), Position(following)
            sends, _ = self._outboxes[partition].pack(Effects(), admitted.refused, records, first, end, None)
            self.sends += sends
        marks = {str(key): heard.position for key, heard in intake.marks.items()}
        for sink in self._sinks:
            sink.reached(partition, following, marks)
        self._positions[partition] = following
        return int(admitted.refused.num_rows)

    def flush(self) -> int:
        """Write what waits; returns the rows written. Raises what `Sink.flush` raises."""
        return sum(sink.flush() for sink in self._sinks)

    @property
    def positions(self) -> Mapping[int, int]:
        """The next offset of each partition; after a flush, what the tables say."""
        return dict(self._positions)


_SILENT = Progress(None, behind=True)


def _position(partition: int, sink: Sink) -> int:
    return sink.position(partition)


def _key(text: str) -> OriginKey:
    stage, topic, partition = text.split(" ")
    return OriginKey(stage, topic, int(partition))
