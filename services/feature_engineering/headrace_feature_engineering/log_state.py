"""The state of one partition of a merged log: rows wait for their order, update the views, and read them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from headrace.contract.errors import SnapshotError
from headrace.contract.identity import PARTITION, STREAM, TIME
from headrace.contract.plan import Log, Plan
from headrace.features.engine import Engine
from headrace.features.order import EventOrder, LogMessage, Released
from headrace.runtime.stage import Arrival, Effects, Item, Output, Snapshot, State, scattered
from headrace.wire.headers import Progress
from headrace.wire.partitioner import partition_of

from headrace_feature_engineering.routes import Exit, exits_of, next_log_of, requests_of, views_of

_SCALARS = "scalars"
_WAITING = "waiting"
_VIEW = "view:"

Columns = Mapping[str, pa.ChunkedArray | pa.Array]


class LogState(State):
    """A fold over one partition of `log`; `width` is the next log's number of partitions, `origins` its writers."""

    def __init__(self, plan: Plan, log: Log, partition: int, width: int, origins: Sequence[str]) -> None:
        self._partition = partition
        self._width = width
        self._next = next_log_of(plan, log)
        self._exits: list[Exit] = exits_of(plan, log)
        self._order = EventOrder(origins, log.schema, plan.pipeline.waiting_rows)
        self._engine = Engine(views_of(plan, log), requests_of(plan, log), log.schema)

    def step(self, items: Sequence[Item], *, at_end: bool) -> Effects:
        """Apply what the messages release; a row goes on with the features it has read here."""
        before = self._counted()
        released = self._order.push([_message(item) for item in items if isinstance(item, Arrival)])
        features = self._engine.apply(released.rows)
        outputs = [*self._onward(released, features), *self._leaving(released, features)]
        behind = not at_end or self._order.behind
        return Effects(
            outputs=outputs,
            progress=Progress(self._order.watermark(), behind),
            counts=Counter(applied=released.rows.num_rows) + (self._counted() - before),
        )

    def snapshot(self) -> Snapshot:
        """Return the waiting rows and the views."""
        order, waiting = self._order.snapshot()
        engine, tiles = self._engine.snapshot()
        scalars = json.dumps({"order": order, "engine": engine})
        return {
            _SCALARS: pa.table({"json": [scalars]}),
            _WAITING: waiting,
            **{f"{_VIEW}{name}": table for name, table in tiles.items()},
        }

    def restore(self, snapshot: Snapshot) -> None:
        """Take up a snapshot; raises SnapshotError for one of another plan."""
        try:
            scalars = json.loads(snapshot[_SCALARS]["json"][0].as_py())
            order, engine, waiting = scalars["order"], scalars["engine"], snapshot[_WAITING]
        except (KeyError, ValueError, IndexError, TypeError) as error:
            raise SnapshotError(f"it is not the snapshot of a log: {error!r}") from error
        self._engine.restore(
            engine, {name.removeprefix(_VIEW): table for name, table in snapshot.items() if name.startswith(_VIEW)}
        )
        self._order.restore(order, waiting)

    def _counted(self) -> Counter[str]:
        return Counter(late=self._order.late, forced=self._order.forced, too_late=sum(self._engine.too_late.values()))

    def _onward(self, released: Released, features: Mapping[str, pa.Table]) -> list[Output]:
        """The rows of streams that somebody needs further on, by partition of the next log."""
        if self._next is None:
            return []
        place = np.flatnonzero(pc.is_in(released.rows[STREAM], pa.array(self._next.streams)).to_numpy())
        if not len(place):
            return []
        columns = self._with_features(released.rows, features)
        rows = _table(columns, place, self._next.schema)
        numbers = partition_of(rows[self._next.column], rows[PARTITION], self._width)
        return scattered(self._next.topic, rows, released.caused_by[place], TIME, numbers)

    def _leaving(self, released: Released, features: Mapping[str, pa.Table]) -> list[Output]:
        """The request rows that have all their features now."""
        outputs = []
        for exit_ in self._exits:
            place = np.flatnonzero(pc.equal(released.rows[STREAM], exit_.stream).to_numpy())
            if len(place):
                columns = dict(self._with_features(released.rows, features))
                columns[exit_.event_time] = columns[TIME]
                rows = _table(columns, place, exit_.schema)
                outputs.append(Output(exit_.topic, self._partition, rows, released.caused_by[place], exit_.event_time))
        return outputs

    def _with_features(self, rows: pa.Table, features: Mapping[str, pa.Table]) -> Columns:
        """The rows' columns and the features read here, null in rows of other streams."""
        columns: dict[str, Any] = dict(zip(rows.schema.names, rows.columns, strict=True))
        for stream, table in features.items():
            asked = pc.equal(rows[STREAM], stream).to_numpy()
            index = pa.array(np.where(asked, np.cumsum(asked) - 1, 0), mask=~asked)
            for name, column in zip(table.schema.names, table.columns, strict=True):
                taken = column.take(index)
                columns[name] = pc.coalesce(columns[name], taken) if name in columns else taken
        return columns


def _message(arrival: Arrival) -> LogMessage:
    rows = arrival.rows if arrival.rows.num_rows else None
    return LogMessage(arrival.offset, str(arrival.origin), arrival.progress.time, arrival.progress.behind, rows)


def _table(columns: Columns, place: npt.NDArray[np.intp], schema: pa.Schema) -> pa.Table:
    """These rows with exactly the schema's columns, null where there is no such column."""
    index = pa.array(place)
    arrays = [
        columns[field.name].take(index) if field.name in columns else pa.nulls(len(place), field.type)
        for field in schema
    ]
    return pa.Table.from_arrays(arrays, schema=schema)
