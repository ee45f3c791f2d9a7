"""From consumed records to a stage's items: gate, drop replays, trim, move the marks (design §5.3)."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import pyarrow as pa

from headrace.contract.errors import BadMessage, SchemaMismatch
from headrace.contract.quarantine import NOTHING_REJECTED, QUARANTINE_SCHEMA, RAW_LIMIT
from headrace.runtime.marks import Heard
from headrace.runtime.stage import Arrival, Item, Record
from headrace.wire import gate, headers
from headrace.wire.origin import OriginKey, drop_seen, is_replay
from headrace.wire.position import START

_REMEDY = (
    "{} offset {}: another version of the pipeline file wrote this message: {}. Nothing was skipped. Deploy the "
    "version that can read it; a column that came later needs `nullable: true`, one of another type another name"
)


class Consumed(Protocol):
    """A record as the Kafka client hands it over; `timestamp` in ms."""

    @property
    def offset(self) -> int: ...
    @property
    def timestamp(self) -> int: ...
    @property
    def value(self) -> bytes | None: ...
    @property
    def headers(self) -> Sequence[tuple[str, bytes | None]]: ...


@dataclass(frozen=True, slots=True)
class Admitted:
    """What a run of records came to: items for the stage, and messages that were refused (quarantine schema)."""

    items: Sequence[Item]
    refused: pa.Table
    replayed: int  # rows that had been seen before
    traceparent: str | None


class RawIntake:
    """Records of a raw topic go to the stage as they are: reading them is the stage's own work."""

    marks: Mapping[OriginKey, Heard] = {}

    def admit(self, records: Sequence[Consumed]) -> Admitted:
        """Hand the records over."""
        items = [Record(record.offset, record.timestamp, record.value) for record in records]
        traces = (trace for record in records if (trace := headers.trace_of(record.headers)) is not None)
        return Admitted(items, NOTHING_REJECTED, 0, next(traces, None))


class LogIntake:
    """Messages of an internal topic: only what is valid, of a planned origin and not seen before gets in.

    `origins` None lets every writer in: for a reader that keeps whatever the topic holds.
    """

    def __init__(
        self,
        stage: str,
        topic: str,
        schema: pa.Schema,
        origins: Collection[OriginKey] | None,
        marks: Mapping[OriginKey, Heard],
    ) -> None:
        self._stage = stage
        self._topic = topic
        self._schema = schema
        self._origins = None if origins is None else frozenset(origins)
        self.marks = dict(marks)

    def admit(self, records: Sequence[Consumed]) -> Admitted:
        """Gate the messages in their order and move the marks; a message that is refused moves none.

        Raises SchemaMismatch naming the message that another version of the pipeline file wrote and we cannot read.
        """
        arrivals: list[Arrival] = []
        refused: list[dict[str, Any]] = []  # Any: one row of the quarantine schema
        replayed = 0
        traceparent = None
        for record in records:
            try:
                said = headers.parse(record.headers)
                if self._origins is not None and said.origin.key not in self._origins:
                    raise BadMessage("unknown_origin", f"the plan has no writer {said.origin.key} for this partition")
                heard = self.marks.get(said.origin.key)
                mark = START if heard is None else heard.position
                if is_replay(said.origin, mark):
                    replayed += said.rows
                    continue
                rows = gate.admit(record.value, said, self._schema)
            except BadMessage as error:
                refused.append(_refused(self._stage, self._topic, record, error))
                continue
            except SchemaMismatch as error:
                raise SchemaMismatch(_REMEDY.format(self._topic, record.offset, error)) from error
            seen = drop_seen(said.origin, mark)
            replayed += seen
            traceparent = traceparent or said.traceparent
            self.marks[said.origin.key] = Heard(said.origin.next, said.progress)
            arrivals.append(Arrival(record.offset, record.timestamp, said.origin.key, said.progress, rows.slice(seen)))
        table = pa.Table.from_pylist(refused, schema=QUARANTINE_SCHEMA) if refused else NOTHING_REJECTED
        return Admitted(arrivals, table, replayed, traceparent)


def _refused(stage: str, topic: str, record: Consumed, error: BadMessage) -> dict[str, Any]:
    return {
        "stage": stage,
        "topic": topic,
        "topic_offset": record.offset,
        "reason": error.reason,
        "detail": error.detail,
        "raw": (record.value or b"")[:RAW_LIMIT],
        "time": max(record.timestamp, 0) * 1000,
    }
