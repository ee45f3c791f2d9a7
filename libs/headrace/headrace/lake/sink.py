"""One table being written: rows gather in memory, and one commit carries the files and how far the topic was read.

For each partition of the topic the table itself keeps the next offset (transaction `<reader>/<topic id>/<partition>`)
and, for each origin, the mark (`…/<origin>`, a packed position). A crash at any point leaves both or neither.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from headrace.contract.errors import OutcomeUnknown, StoreUnavailable
from headrace.lake.actions import AddFile
from headrace.lake.delta_log import ABSENT, Commit, DeltaLog
from headrace.lake.parquet import by_date, encode, statistics
from headrace.lake.tables import Table
from headrace.store.object_store import ObjectStore
from headrace.wire.headers import Progress
from headrace.wire.position import Position

_READER = "lake"
_log = logging.getLogger(__name__)

CHECKPOINT_EVERY = 20  # commits; to open a table is to read those since the last one, each with a request of its own


@dataclass(slots=True)
class _Progressed:
    """How far a partition has come: in the table, and with what waits in memory."""

    committed: dict[str, int]  # app id -> version in the table
    now: dict[str, int] = field(default_factory=dict)  # app id -> version after the next commit


class Sink:
    """The writer of one table, for one thread at a time."""

    def __init__(self, store: ObjectStore, table: Table, topic_id: str) -> None:
        self.table = table
        self.buffered_bytes = 0
        self.buffered_rows = 0
        self._store = store
        self._log = DeltaLog(store, table.root)
        self._topic_id = topic_id
        self._waiting: list[pa.Table] = []
        self._partitions: dict[int, _Progressed] = {}

    def open(self, partitions: list[int]) -> None:
        """Own these partitions, and no others, from where the table says they are; what was not flushed is dropped.

        Makes the table first. Raises StoreError.
        """
        state = self._log.ensure(self.table.schema)
        self._forget_rows()
        self._partitions = {}
        for number in partitions:
            own = self._app(number)
            known = {app: v for app, v in state.txns.items() if app == own or app.startswith(f"{own}/")}
            self._partitions[number] = _Progressed(known)

    def position(self, partition: int) -> int:
        """The next offset that this table needs."""
        return self._partitions[partition].committed.get(self._app(partition), 0)

    def marks(self, partition: int) -> dict[str, Position]:
        """The mark of each origin, as of `position`."""
        own = self._app(partition)
        return {
            app.removeprefix(f"{own}/"): Position.unpack(version)
            for app, version in self._partitions[partition].committed.items()
            if app != own
        }

    def add(self, partition: int, offset: int, rows: pa.Table, progress: Progress) -> None:
        """Take a message's rows, unless the table has had this offset."""
        if offset < self.position(partition):
            return
        own = self.table.select(rows)
        if own.num_rows:
            lined = _with_lineage(own, self.table.schema, partition, offset, progress)
            self._waiting.append(lined)
            self.buffered_bytes += lined.nbytes
            self.buffered_rows += lined.num_rows

    def reached(self, partition: int, following: int, marks: Mapping[str, Position]) -> None:
        """Everything before the offset `following` was added or had no rows for this table."""
        own = self._app(partition)
        moved = {own: following} | {f"{own}/{origin}": mark.pack() for origin, mark in marks.items()}
        progressed = self._partitions[partition]
        if following > self.position(partition):
            progressed.now = {app: v for app, v in moved.items() if progressed.committed.get(app, ABSENT) != v}

    def flush(self) -> int:
        """Write what waits, in one commit; returns the rows that were written.

        Raises Fenced, OutcomeUnknown (after which the process must end: the table says where to begin), StoreError.
        """
        txns = {app: v for progressed in self._partitions.values() for app, v in progressed.now.items()}
        if not txns:
            return 0
        rows = pa.concat_tables([self.table.schema.empty_table(), *self._waiting])
        adds = tuple(self._write(day, part) for day, part in by_date(rows, self.table.time_column))
        expect = {
            app: progressed.committed.get(app, ABSENT)
            for progressed in self._partitions.values()
            for app in progressed.now
        }
        version = self._log.commit(Commit(adds, txns, expect))
        for progressed in self._partitions.values():
            progressed.committed |= progressed.now
            progressed.now = {}
        self._forget_rows()
        if version % CHECKPOINT_EVERY == 0:
            self._checkpoint()
        return int(rows.num_rows)

    def _checkpoint(self) -> None:
        try:
            self._log.checkpoint()
        except (StoreUnavailable, OutcomeUnknown) as error:
            _log.warning("%s: no checkpoint this time, readers have more to read: %s", self.table.root, error)

    def _forget_rows(self) -> None:
        self._waiting, self.buffered_bytes, self.buffered_rows = [], 0, 0

    def _write(self, day: object, rows: pa.Table) -> AddFile:
        date = None if day is None else str(day)
        path = f"_date={date or '__HIVE_DEFAULT_PARTITION__'}/{uuid.uuid4().hex}.parquet"
        body = encode(rows)
        self._store.put(f"{self.table.root}/{path}", body)
        return AddFile(path, date, len(body), rows.num_rows, statistics(rows))

    def _app(self, partition: int) -> str:
        return f"{_READER}/{self._topic_id}/{partition}"


def _with_lineage(rows: pa.Table, schema: pa.Schema, partition: int, offset: int, progress: Progress) -> pa.Table:
    count = rows.num_rows
    lineage = [
        pa.array(np.full(count, partition, np.int32)),
        pa.array(np.full(count, offset, np.int64)),
        pa.array(np.full(count, progress.time or 0, np.int64), mask=np.full(count, progress.time is None)),
        pa.array(np.full(count, progress.behind)),
    ]
    lineage[2] = lineage[2].cast(schema.field("_progress").type)
    return pa.Table.from_arrays([*rows.columns, *lineage], schema=schema)
