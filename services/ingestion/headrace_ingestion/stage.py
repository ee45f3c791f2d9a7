"""Ingestion as a stage: raw records to typed Arrow rows, partition by partition."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from headrace.contract.identity import IDENTITY, OFFSET, PARTITION, ROW
from headrace.contract.pipeline import Column, Format, Stream
from headrace.contract.plan import Plan
from headrace.contract.quarantine import NOTHING_REJECTED, QUARANTINE_SCHEMA, RAW_LIMIT
from headrace.runtime.stage import Effects, Input, Item, Output, Record, Snapshot, State
from headrace.wire.headers import Progress
from headrace.wire.origin import OriginKey

from headrace_ingestion.arrow_rows import arrow_decode
from headrace_ingestion.checks import failures
from headrace_ingestion.csv_rows import csv_decode
from headrace_ingestion.json_rows import json_decode, ndjson_decode
from headrace_ingestion.rows import Broken, Decode, Decoded

NAME = "ingestion"

_DECODERS: dict[Format, Callable[[Mapping[str, Column]], Decode]] = {
    Format.JSON: json_decode,
    Format.NDJSON: ndjson_decode,
    Format.CSV: csv_decode,
    Format.ARROW: arrow_decode,
}


_NO_VALUE = ("no_value", None, "the record has no value (a tombstone), expected an event")


class IngestionStage:
    """Reads every raw topic and writes the ingested topic of the same stream, same partition."""

    name = NAME

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._streams = {plan.topics.raw(stream): stream for stream in plan.pipeline.streams}

    def inputs(self) -> Sequence[Input]:
        """Return every raw topic."""
        return [Input(topic, None, stream) for topic, stream in self._streams.items()]

    def origins(self, topic: str, partition: int) -> Sequence[OriginKey]:
        """Return nothing: producers of raw topics are strangers."""
        return ()

    def listeners(self, topic: str, partition: int) -> Sequence[tuple[str, int]]:
        """Return the one partition that this one's rows go to."""
        return [(self._plan.topics.ingested(self._streams[topic]), partition)]

    def open(self, topic: str, partition: int, snapshot: Snapshot | None) -> IngestionState:
        """Return the state of a raw partition, which is only how far its event time has come."""
        return IngestionState(self._plan, self._streams[topic], partition)


class IngestionState(State):
    """A raw partition being read; a row is decided on alone, so there is no state worth keeping."""

    def __init__(self, plan: Plan, stream: str, partition: int) -> None:
        self._stream = stream
        self._spec: Stream = plan.pipeline.streams[stream]
        self._decode = _DECODERS[self._spec.format](self._spec.columns)
        self._schema = plan.ingested_schema(stream)
        self._raw_topic = plan.topics.raw(stream)
        self._place = (plan.topics.ingested(stream), partition)
        # A restart forgets it. The claim it had made stands in the log, and the next row makes a new one.
        self._reached: int | None = None

    def step(self, items: Sequence[Item], *, at_end: bool) -> Effects:
        """Decode the records, keep the rows that are as declared, reject the others one by one."""
        records = [item for item in items if isinstance(item, Record)]
        if not records:
            return Effects(progress=Progress(self._reached, behind=not at_end))
        broken = [Broken(each, 0, b"", *_NO_VALUE) for each in records if each.value is None]
        present = [each for each in records if each.value is not None] if broken else records
        decoded = self._decode(present)
        broken += decoded.broken
        kept = self._check(decoded, present, broken)
        rows = self._rows(decoded, kept, np.array([record.offset for record in present], np.int64))
        if rows.num_rows:
            newest = pc.max(rows[self._spec.event_time].cast(pa.int64())).as_py()
            self._reached = newest if self._reached is None else max(self._reached, newest)
        caused_by = rows[OFFSET].to_numpy()
        return Effects(
            outputs=[Output(*self._place, rows, caused_by, self._spec.event_time)],
            rejected=self._rejected(broken),
            progress=Progress(self._reached, behind=True),
            counts=Counter(kept=rows.num_rows, unknown_columns=decoded.unknown),
        )

    def snapshot(self) -> Snapshot | None:
        """Return nothing."""
        return None

    def _check(self, decoded: Decoded, records: Sequence[Record], broken: list[Broken]) -> pa.Array | None:
        """Which rows are as declared (None: all); the others are added to `broken` with the first rule they break."""
        timestamps = np.array([record.timestamp for record in records], np.int64)[decoded.record]
        good = np.ones(decoded.columns.num_rows, np.bool_)
        for failure in failures(decoded.columns, timestamps, self._spec):
            for row in np.flatnonzero(failure.rows & good).tolist():
                value = decoded.columns[failure.column][row].as_py()
                record = records[decoded.record[row]]
                detail = failure.detail(value)[:200]
                broken.append(
                    Broken(record, int(decoded.row[row]), decoded.raw(row), failure.reason, failure.column, detail)
                )
            good &= ~failure.rows
        return None if good.all() else pa.array(good)

    def _rows(self, decoded: Decoded, kept: pa.Array | None, offsets: np.ndarray[Any, np.dtype[np.int64]]) -> pa.Table:
        count = decoded.columns.num_rows
        identity = {
            PARTITION: pa.array(np.full(count, self._place[1]), pa.int32()),
            OFFSET: pa.array(offsets[decoded.record]),
            ROW: pa.array(decoded.row, pa.int32()),
        }
        arrays = [*decoded.columns.columns, *(identity[field.name] for field in IDENTITY)]
        table = pa.Table.from_arrays(arrays, names=self._schema.names)
        return (table if kept is None else table.filter(kept)).cast(self._schema)

    def _rejected(self, broken: Sequence[Broken]) -> pa.Table:
        """Column by column: a record may have 200,000 rows, all of them broken."""
        if not broken:
            return NOTHING_REJECTED
        broken = sorted(broken, key=lambda each: (each.record.offset, each.row))
        count = len(broken)
        columns = {
            "stage": [NAME] * count,
            "topic": [self._raw_topic] * count,
            "topic_offset": [each.record.offset for each in broken],
            "stream": [self._stream] * count,
            "reason": [str(each.reason) for each in broken],
            "rule": [each.rule for each in broken],
            "detail": [each.detail for each in broken],
            "raw": [each.raw[:RAW_LIMIT] for each in broken],
            "time": [max(each.record.timestamp, 0) * 1000 for each in broken],
            PARTITION: [self._place[1]] * count,
            OFFSET: [each.record.offset for each in broken],
            ROW: [each.row for each in broken],
        }
        return pa.Table.from_pydict(columns, schema=QUARANTINE_SCHEMA)
