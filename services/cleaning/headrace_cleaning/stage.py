"""Cleaning as a stage: ingested rows through the clean steps, and on to the first merged log by key."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence

import msgspec
import numpy as np
import pyarrow as pa
from headrace.contract.errors import SnapshotError
from headrace.contract.identity import OFFSET, PARTITION, ROW, STREAM, TIME
from headrace.contract.plan import Plan
from headrace.contract.quarantine import NOTHING_REJECTED, QUARANTINE_SCHEMA, RAW_LIMIT
from headrace.runtime.stage import Arrival, Effects, Input, Item, Output, Snapshot, State, scattered
from headrace.wire.headers import Progress
from headrace.wire.origin import OriginKey
from headrace.wire.partitioner import partition_of

from headrace_cleaning.batch import Batch, Int64s
from headrace_cleaning.steps import Cleaner, batch_of

NAME = "cleaning"

_SCALARS = "scalars"
_SEEN = "seen:"


class CleaningStage:
    """Reads every ingested topic; `partitions` gives the number of partitions of the topics it writes."""

    name = NAME

    def __init__(self, plan: Plan, partitions: Mapping[str, int]) -> None:
        self._plan = plan
        self._partitions = partitions
        self._streams = {plan.topics.ingested(stream): stream for stream in plan.pipeline.streams}

    def inputs(self) -> Sequence[Input]:
        """Return every ingested topic."""
        return [Input(topic, self._plan.ingested_schema(stream), stream) for topic, stream in self._streams.items()]

    def origins(self, topic: str, partition: int) -> Sequence[OriginKey]:
        """Return the one writer of an ingested partition: ingestion, from the raw partition of the same number."""
        return [OriginKey("ingestion", self._plan.topics.raw(self._streams[topic]), partition)]

    def listeners(self, topic: str, partition: int) -> Sequence[tuple[str, int]]:
        """Return every partition of the first log, or the one of the clean topic."""
        stream = self._streams[topic]
        if not self._plan.travels(stream):
            return [(self._plan.topics.clean(stream), partition)]
        log = self._plan.logs[0].topic
        return [(log, number) for number in range(self._partitions[log])]

    def open(self, topic: str, partition: int, snapshot: Snapshot | None) -> CleaningState:
        """Return the state of a partition; raises SnapshotError for a snapshot of other steps."""
        width = self._partitions[self._plan.logs[0].topic] if self._plan.logs else 0
        state = CleaningState(self._plan, self._streams[topic], topic, partition, width)
        if snapshot is not None:
            state.restore(snapshot)
        return state


class CleaningState(State):
    """One ingested partition; what it remembers is the keys of drop_duplicates and what its origin said last."""

    def __init__(self, plan: Plan, stream: str, topic: str, partition: int, width: int) -> None:
        spec = plan.pipeline.streams[stream]
        self._stream = stream
        self._topic = topic
        self._partition = partition
        self._width = width
        self._event_time = spec.event_time
        self._schema = plan.cleaned_schema(stream)
        self._no_rows = plan.ingested_schema(stream).empty_table()
        self._log = plan.logs[0] if plan.travels(stream) else None
        self._clean_topic = plan.topics.clean(stream)
        self._cleaner = Cleaner(spec, self._schema)
        self._heard = Progress(None, behind=True)

    def step(self, items: Sequence[Item], *, at_end: bool) -> Effects:
        """Clean the rows and place them; rejected ones go to quarantine as JSON of what came in."""
        arrivals = [item for item in items if isinstance(item, Arrival)]
        for arrival in arrivals:
            time = arrival.progress.time if arrival.progress.time is not None else self._heard.time
            self._heard = Progress(time, arrival.progress.behind)
        rows = pa.concat_tables([self._no_rows, *(arrival.rows for arrival in arrivals)])
        lengths = [arrival.rows.num_rows for arrival in arrivals]
        offsets = np.repeat(np.array([arrival.offset for arrival in arrivals], np.int64), lengths)
        timestamps = np.repeat(np.array([arrival.timestamp for arrival in arrivals], np.int64), lengths)
        batch = batch_of(rows)
        self._cleaner.clean(batch)
        return Effects(
            outputs=self._outputs(batch, offsets),
            rejected=self._rejected(rows, batch, offsets, timestamps),
            progress=Progress(self._heard.time, behind=not at_end or self._heard.behind),
            counts=batch.counts + Counter(kept=batch.rows.num_rows),
        )

    def snapshot(self) -> Snapshot | None:
        """Return the keys seen, None where no step remembers any."""
        if not self._cleaner.seen:
            return None
        scalars = json.dumps({"time": self._heard.time, "behind": self._heard.behind})
        seen = {f"{_SEEN}{place}": keys.snapshot() for place, keys in self._cleaner.seen.items()}
        return {_SCALARS: pa.table({"json": [scalars]}), **seen}

    def restore(self, snapshot: Snapshot) -> None:
        """Take up a snapshot; raises SnapshotError for one of other steps."""
        expected = {f"{_SEEN}{place}" for place in self._cleaner.seen} | {_SCALARS}
        if set(snapshot) != expected:
            raise SnapshotError(f"it has the parts {sorted(snapshot)}, expected {sorted(expected)}")
        scalars = json.loads(snapshot[_SCALARS]["json"][0].as_py())
        self._heard = Progress(scalars["time"], scalars["behind"])
        for place, keys in self._cleaner.seen.items():
            keys.restore(snapshot[f"{_SEEN}{place}"])

    def _outputs(self, batch: Batch, offsets: Int64s) -> list[Output]:
        caused_by = offsets[batch.places]
        if self._log is None:
            rows = batch.rows.select(self._schema.names).cast(self._schema)
            return [Output(self._clean_topic, self._partition, rows, caused_by, self._event_time)]
        rows = self._as_log_rows(batch.rows, self._log.schema)
        numbers = partition_of(rows[self._log.column], rows[PARTITION], self._width)
        return scattered(self._log.topic, rows, caused_by, TIME, numbers)

    def _as_log_rows(self, rows: pa.Table, schema: pa.Schema) -> pa.Table:
        """The rows with the log's columns, null where this stream has no such column."""
        count = rows.num_rows
        columns = dict(zip(rows.schema.names, rows.columns, strict=True))
        columns[STREAM] = pa.array([self._stream], pa.string()).take(pa.array(np.zeros(count, np.int64)))
        columns[TIME] = columns[self._event_time]
        arrays = [
            columns[field.name].cast(field.type) if field.name in columns else pa.nulls(count, field.type)
            for field in schema
        ]
        return pa.Table.from_arrays(arrays, schema=schema)

    def _rejected(self, rows: pa.Table, batch: Batch, offsets: Int64s, timestamps: Int64s) -> pa.Table:
        if not batch.rejected:
            return NOTHING_REJECTED
        found = [(int(place), rule) for rule in batch.rejected for place in rule.places]
        found.sort(key=lambda each: each[0])
        before = rows.take([place for place, _ in found]).to_pylist()
        return pa.Table.from_pylist(
            [
                {
                    "stage": NAME,
                    "topic": self._topic,
                    "topic_offset": int(offsets[place]),
                    "stream": self._stream,
                    "reason": str(rule.reason),
                    "rule": rule.rule,
                    "detail": rule.detail[:200],
                    "raw": msgspec.json.encode(row)[:RAW_LIMIT],
                    "time": max(int(timestamps[place]), 0) * 1000,
                    PARTITION: row[PARTITION],
                    OFFSET: row[OFFSET],
                    ROW: row[ROW],
                }
                for (place, rule), row in zip(found, before, strict=True)
            ],
            schema=QUARANTINE_SCHEMA,
        )
