"""The services' stages one after the other in memory, one partition and one step each: a pipeline without Kafka.

What comes out is what the live path gives, since a stage's rows depend neither on the cuts nor on the partitions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc
from headrace.contract.identity import STREAM, TIME
from headrace.contract.plan import Plan
from headrace.contract.quarantine import QUARANTINE_SCHEMA
from headrace.contract.topic_list import plan_topics
from headrace.runtime.stage import Arrival, Effects, Item, Record, Stage
from headrace.wire.headers import Progress
from headrace_cleaning.stage import CleaningStage
from headrace_feature_engineering.stage import FeatureStage
from headrace_ingestion.stage import IngestionStage

_AT_END = Progress(None, behind=False)  # all there is has come, so nothing waits for more
_NO_TIMESTAMP = -1


@dataclass(frozen=True, slots=True)
class Travelled:
    """What became of the records: rows of each stream after cleaning, request rows with features, rejected rows.

    cleaned: stream → its columns under their own names, in event-time order. features: prediction → the rows of its
    features topic. rejected has the quarantine schema.
    """

    cleaned: Mapping[str, pa.Table]
    features: Mapping[str, pa.Table]
    rejected: pa.Table


def travel(plan: Plan, raw: Mapping[str, Sequence[bytes]]) -> Travelled:
    """Take the raw records of each stream through ingestion, cleaning and every merged log of the plan.

    Records of streams that no view and no prediction needs are left out.
    """
    ingestion, cleaning = IngestionStage(plan), CleaningStage(plan, _one_partition(plan))
    rows: dict[str, list[pa.Table]] = {}
    rejected = [QUARANTINE_SCHEMA.empty_table()]

    def take(effects: Effects) -> None:
        if effects.rejected is not None:
            rejected.append(effects.rejected)
        for output in effects.outputs:
            rows.setdefault(output.topic, []).append(output.rows)

    streams = plan.logs[0].streams
    for stream in streams:
        records = [Record(offset, _NO_TIMESTAMP, value) for offset, value in enumerate(raw[stream])]
        take(_step(ingestion, plan.topics.raw(stream), records))
    for stream in streams:
        topic = plan.topics.ingested(stream)
        take(_step(cleaning, topic, _arrivals(cleaning, topic, rows.pop(topic))))
    first = pa.concat_tables(rows[plan.logs[0].topic])
    return Travelled(
        cleaned={stream: _own(plan, stream, first) for stream in streams},
        features=_features(plan, first),
        rejected=pa.concat_tables(rejected),
    )


def recompute(plan: Plan, cleaned: Mapping[str, pa.Table]) -> Mapping[str, pa.Table]:
    """The rows of each prediction's features topic, computed anew in event-time order.

    `cleaned` holds the rows of every stream of the first log, as the lake's cleaned tables do.
    """
    parts = []
    for stream in plan.logs[0].streams:
        rows, event_time = cleaned[stream], plan.pipeline.streams[stream].event_time
        found = {name: rows[name] for name in rows.column_names} | {
            TIME: rows[event_time],
            STREAM: pa.repeat(stream, rows.num_rows),
        }
        schema = plan.logs[0].schema
        columns = [
            found[field.name] if field.name in found else pa.nulls(rows.num_rows, field.type) for field in schema
        ]
        parts.append(pa.table(dict(zip(schema.names, columns, strict=True))).cast(schema))
    return _features(plan, pa.concat_tables(parts))


def _features(plan: Plan, first: pa.Table) -> Mapping[str, pa.Table]:
    """Take the rows of the first log through every log."""
    stage = FeatureStage(plan, _one_partition(plan))
    rows = {plan.logs[0].topic: [first]}
    for log in plan.logs:
        for output in _step(stage, log.topic, _arrivals(stage, log.topic, rows.pop(log.topic))).outputs:
            rows.setdefault(output.topic, []).append(output.rows)
    return {name: pa.concat_tables(rows[plan.topics.features(name)]) for name in plan.pipeline.predictions}


def _one_partition(plan: Plan) -> Mapping[str, int]:
    return dict.fromkeys(plan_topics(plan), 1)


def _step(stage: Stage, topic: str, items: Sequence[Item]) -> Effects:
    return stage.open(topic, 0, None).step(items, at_end=True)


def _arrivals(stage: Stage, topic: str, tables: Sequence[pa.Table]) -> list[Item]:
    """All rows of a topic, from each of its writers once; which of them wrote a row makes no difference."""
    rows = pa.concat_tables(tables)
    writers = stage.origins(topic, 0)
    shares = [rows, *(rows.schema.empty_table() for _ in writers[1:])]
    return [
        Arrival(offset, _NO_TIMESTAMP, writer, _AT_END, share)
        for offset, (writer, share) in enumerate(zip(writers, shares, strict=True))
    ]


def _own(plan: Plan, stream: str, log: pa.Table) -> pa.Table:
    """A stream's rows in the first log, with the columns they had."""
    schema = plan.cleaned_schema(stream)
    rows = log.filter(pc.equal(log[STREAM], stream)).sort_by(TIME)
    event_time = plan.pipeline.streams[stream].event_time
    return pa.table({name: rows[TIME if name == event_time else name] for name in schema.names}).cast(schema)
