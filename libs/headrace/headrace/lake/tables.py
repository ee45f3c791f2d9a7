"""Which tables a pipeline's lake has, what they hold and which topic they are made from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from headrace.contract.columns import TIMESTAMP
from headrace.contract.errors import PlanError
from headrace.contract.identity import STREAM, TIME
from headrace.contract.pipeline import Hop
from headrace.contract.plan import Plan
from headrace.contract.quarantine import QUARANTINE_SCHEMA

LINEAGE = (
    pa.field("_log_partition", pa.int32(), nullable=False),
    pa.field("_log_offset", pa.int64(), nullable=False),
    pa.field("_progress", TIMESTAMP),
    pa.field("_behind", pa.bool_(), nullable=False),
)
"""A row's place in its topic, and what its message said of its origin's progress: recomputation repeats the order."""


@dataclass(frozen=True, slots=True)
class Table:
    """One table: `root` is its key prefix in the bucket; `stream` is set where a merged log is split by stream."""

    hop: Hop
    name: str
    root: str
    topic: str
    read_schema: pa.Schema  # of the topic
    rows_schema: pa.Schema  # of the rows that are kept
    time_column: str
    stream: str | None = None

    @property
    def schema(self) -> pa.Schema:
        """The columns of the table, without the date that it is partitioned by."""
        return pa.schema([*self.rows_schema, *LINEAGE])

    def select(self, rows: pa.Table) -> pa.Table:
        """This table's rows of a message: for a split log, those of its stream, under their own names."""
        if self.stream is None:
            return rows
        own = rows.filter(pc.equal(rows[STREAM], self.stream))
        names = [TIME if name == self.time_column else name for name in self.rows_schema.names]
        return pa.Table.from_arrays(own.select(names).columns, schema=self.rows_schema)


def lake_tables(plan: Plan) -> list[Table]:
    """Return the tables of the hops that the pipeline file names."""
    return [table for hop in plan.pipeline.lake for table in _TABLES[hop](plan)]


def find_table(plan: Plan, hop: Hop, name: str) -> Table:
    """Return one table; raises PlanError that lists what there is."""
    tables = lake_tables(plan)
    for table in tables:
        if table.hop is hop and table.name == name:
            return table
    there = ", ".join(f"{table.hop}/{table.name}" for table in tables)
    raise PlanError(f"the lake has no table {hop}/{name}; there are {there or 'none'}")


def _ingested(plan: Plan) -> Iterator[Table]:
    for name, stream in plan.pipeline.streams.items():
        schema = plan.ingested_schema(name)
        root, topic = _root(plan, Hop.INGESTED, name), plan.topics.ingested(name)
        yield Table(Hop.INGESTED, name, root, topic, schema, schema, stream.event_time)


def _cleaned(plan: Plan) -> Iterator[Table]:
    for name, stream in plan.pipeline.streams.items():
        schema = plan.cleaned_schema(name)
        root = _root(plan, Hop.CLEANED, name)
        if plan.travels(name):
            log = plan.logs[0]
            yield Table(Hop.CLEANED, name, root, log.topic, log.schema, schema, stream.event_time, name)
        else:
            yield Table(Hop.CLEANED, name, root, plan.topics.clean(name), schema, schema, stream.event_time)


def _features(plan: Plan) -> Iterator[Table]:
    for name, prediction in plan.pipeline.predictions.items():
        schema = plan.features_schema(name)
        root, topic = _root(plan, Hop.FEATURES, name), plan.topics.features(name)
        yield Table(Hop.FEATURES, name, root, topic, schema, schema, plan.pipeline.streams[prediction.on].event_time)


def _predictions(plan: Plan) -> Iterator[Table]:
    for name, prediction in plan.pipeline.predictions.items():
        schema = plan.predictions_schema(name)
        root, topic = _root(plan, Hop.PREDICTIONS, name), plan.topics.predictions(name)
        yield Table(Hop.PREDICTIONS, name, root, topic, schema, schema, plan.pipeline.streams[prediction.on].event_time)


def _quarantine(plan: Plan) -> Iterator[Table]:
    root = _root(plan, Hop.QUARANTINE, "all")
    yield Table(Hop.QUARANTINE, "all", root, plan.topics.quarantine, QUARANTINE_SCHEMA, QUARANTINE_SCHEMA, "time")


def _root(plan: Plan, hop: Hop, name: str) -> str:
    return f"lake/{plan.pipeline.tenant}/{plan.pipeline.name}/{hop}/{name}"


_TABLES = {
    Hop.INGESTED: _ingested,
    Hop.CLEANED: _cleaned,
    Hop.FEATURES: _features,
    Hop.PREDICTIONS: _predictions,
    Hop.QUARANTINE: _quarantine,
}
