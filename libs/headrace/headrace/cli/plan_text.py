"""What `headrace plan` shows, as plain text that greps and diffs well."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pyarrow as pa

from headrace.contract.changes import Change, TopicChange
from headrace.contract.columns import TIMESTAMP
from headrace.contract.plan import Plan
from headrace.lake.tables import lake_tables

_NOTES = {
    Change.SAME: "",
    Change.NEW: "would be created",
    Change.ORPHANED: "the file does not ask for it; it is left alone",
}


def plan_text(plan: Plan, changes: Sequence[TopicChange], *, compared: bool) -> str:
    """Return everything that a plan asks for; with `compared`, each topic's state in Kafka."""
    pipeline = plan.pipeline
    head = (
        f"{plan.topics.prefix}: {counted(len(pipeline.streams), 'stream')}, {counted(len(pipeline.features), 'view')},"
        f" {counted(len(pipeline.predictions), 'prediction')}"
    )
    sections = [
        [head],
        ["Topics", *_topics(changes, compared)],
        ["Logs, in the order of the rows' path", *_logs(plan)],
        ["Predictions", *_predictions(plan)],
        ["Tables, each partitioned by the date of its event time", *_tables(plan)],
        ["Schemas; ? marks what may be null", *_schemas(plan)],
    ]
    return "\n\n".join("\n  ".join(section) for section in sections if len(section) > 1 or section == [head])


def counted(number: int, what: str) -> str:
    """Return a number of things in words: `1 stream`, `2 streams`."""
    return f"{number} {what}{'s' * (number != 1)}"


def _topics(changes: Sequence[TopicChange], compared: bool) -> Iterator[str]:
    width = max(len(change.topic) for change in changes)
    for change in changes:
        count = change.found if change.wanted is None else change.wanted
        line = f"{change.topic:{width}}  {counted(count or 0, 'partition'):>15}"
        if compared:
            note = _NOTES.get(change.change, f"there are {change.found}, and a number of partitions never changes")
            line += f"  {change.change:8}  {note}"
        yield line.rstrip()


def _logs(plan: Plan) -> Iterator[str]:
    for log in plan.logs:
        yield f"{log.topic}, partitioned by {log.column}"
        yield f"  rows of   {', '.join(log.streams)}"
        yield f"  views     {', '.join(log.views) or 'none'}"
        yield f"  complete  {', '.join(log.leaving) or 'no request yet'}"


def _predictions(plan: Plan) -> Iterator[str]:
    for name, prediction in plan.pipeline.predictions.items():
        yield f"{name}: model {prediction.model}, a request for each row of {prediction.on}"
        yield f"  it sees   {', '.join(plan.model_inputs(name))}"


def _tables(plan: Plan) -> Iterator[str]:
    tables = lake_tables(plan)
    width = max((len(table.root) for table in tables), default=0)
    for table in tables:
        yield f"{table.root:{width}}  {len(table.schema):3} columns, event time {table.time_column}"


def _schemas(plan: Plan) -> Iterator[str]:
    names, pipeline = plan.topics, plan.pipeline
    for stream in pipeline.streams:
        yield _schema(names.ingested(stream), plan.ingested_schema(stream))
        yield _schema(f"{stream}, cleaned", plan.cleaned_schema(stream))
    for log in plan.logs:
        yield _schema(log.topic, log.schema)
    for prediction in pipeline.predictions:
        yield _schema(names.features(prediction), plan.features_schema(prediction))
        yield _schema(names.predictions(prediction), plan.predictions_schema(prediction))


def _schema(name: str, schema: pa.Schema) -> str:
    columns = ", ".join(f"{field.name} {_type(field.type)}{'?' * field.nullable}" for field in schema)
    return f"{name}: {columns}"


def _type(type_: pa.DataType) -> str:
    return "timestamp" if type_ == TIMESTAMP else {"float": "float32", "double": "float64"}.get(str(type_), str(type_))
