"""From the pipeline file to what must exist: topics, merged logs, their schemas and what happens at each.

The planner chooses the smallest set of single columns such that every view's key contains one of them (design §3).
Each chosen column is one merged log; rows travel the logs in a chain and stop where nobody needs them further on.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import pyarrow as pa

from headrace.contract.cleaned import CleanColumn, cleaned_columns
from headrace.contract.columns import TIMESTAMP
from headrace.contract.draft import draft_of
from headrace.contract.duration import format_duration
from headrace.contract.errors import PlanError
from headrace.contract.identity import IDENTITY, STREAM, TIME
from headrace.contract.mistake import Mistake
from headrace.contract.pipeline import Aggregate, Hop, Pipeline, View
from headrace.contract.references import mistakes
from headrace.contract.topics import TopicNames


@dataclass(frozen=True, slots=True)
class Log:
    """One merged log: the rows of `streams`, partitioned by `column`."""

    column: str
    topic: str
    streams: tuple[str, ...]
    views: tuple[str, ...]  # views that live here
    leaving: tuple[str, ...]  # predictions whose request rows have all their features after this log
    schema: pa.Schema


@dataclass(frozen=True)
class Plan:
    """Everything that follows from a pipeline file."""

    pipeline: Pipeline
    topics: TopicNames
    columns: dict[str, dict[str, CleanColumn]]  # stream -> columns of a cleaned row
    logs: tuple[Log, ...]

    def log_of(self, column: str) -> Log:
        """Return the log that is partitioned by `column`."""
        return next(log for log in self.logs if log.column == column)

    def travels(self, stream: str) -> bool:
        """Whether cleaning writes this stream's rows to the first log; else they go to its `clean` topic."""
        return bool(self.logs) and stream in self.logs[0].streams

    def ingested_schema(self, stream: str) -> pa.Schema:
        """Typed rows as ingestion writes them."""
        columns = self.pipeline.streams[stream].columns
        return pa.schema([pa.field(n, c.type.arrow, c.nullable) for n, c in columns.items()] + list(IDENTITY))

    def cleaned_schema(self, stream: str) -> pa.Schema:
        """Cleaned rows, in the `clean` topic and in the lake."""
        return pa.schema(
            [pa.field(n, c.type.arrow, c.nullable) for n, c in self.columns[stream].items()] + list(IDENTITY)
        )

    def features_schema(self, prediction: str) -> pa.Schema:
        """Request rows with all their features."""
        spec = self.pipeline.predictions[prediction]
        request = [pa.field(n, c.type.arrow, c.nullable) for n, c in self.columns[spec.on].items()]
        return pa.schema(request + _feature_fields(self.pipeline, spec.features) + list(IDENTITY))

    def model_inputs(self, prediction: str) -> tuple[str, ...]:
        """The columns a model sees, in the order of its input vector: `inputs`, then the features of each view."""
        spec = self.pipeline.predictions[prediction]
        return spec.inputs + tuple(field.name for field in _feature_fields(self.pipeline, spec.features))

    def predictions_schema(self, prediction: str) -> pa.Schema:
        """Scores with the inputs they were computed from and the model that did it."""
        spec = self.pipeline.predictions[prediction]
        event_time = self.pipeline.streams[spec.on].event_time
        key = self.columns[spec.on][spec.key]
        used = [pa.field(name, pa.float32()) for name in self.model_inputs(prediction)]
        answer = [
            pa.field("score", pa.float32(), nullable=False),
            pa.field("model", pa.string(), nullable=False),
            pa.field("version", pa.int32(), nullable=False),
            pa.field("arm", pa.string(), nullable=False),
        ]
        head = [pa.field(spec.key, key.type.arrow, nullable=False), pa.field(event_time, TIMESTAMP, nullable=False)]
        return pa.schema(head + used + answer + list(IDENTITY))


def feature_columns(name: str, view: View) -> tuple[tuple[str, str, Aggregate, int], ...]:
    """Return (feature column, value column, aggregate, window in µs) of a view, in the order they have everywhere."""
    return tuple(
        (f"{name}__{value}__{aggregate}__{format_duration(window)}", value, aggregate, window)
        for value, aggregates in view.values.items()
        for aggregate in aggregates
        for window in view.windows
    )


def make_plan(pipeline: Pipeline) -> Plan:
    """Return what the pipeline asks for; raises PlanError with everything in it that does not fit together."""
    plan = plan_or_mistakes(pipeline)
    if isinstance(plan, Plan):
        return plan
    raise PlanError("\n".join(map(str, plan)))


def plan_or_mistakes(pipeline: Pipeline) -> Plan | list[Mistake]:
    """Return what the pipeline asks for, or everything in it that does not fit together."""
    if wrong := mistakes(draft_of(pipeline)):
        return wrong
    topics = TopicNames(pipeline.tenant, pipeline.name)
    columns = {name: cleaned_columns(stream) for name, stream in pipeline.streams.items()}
    chain = _partitioning_columns(pipeline)
    homes = {
        name: next(i for i, column in enumerate(chain) if column in view.key)
        for name, view in pipeline.features.items()
    }
    exits = {
        name: max((homes[view] for view in prediction.features), default=0)
        for name, prediction in pipeline.predictions.items()
    }
    logs = tuple(_log(pipeline, topics, columns, chain, homes, exits, place) for place in range(len(chain)))
    plan = Plan(pipeline, topics, columns, logs)
    return [*_two_types(plan), *_names_twice(plan)] or plan


def _two_types(plan: Plan) -> Iterator[Mistake]:
    """A merged log has one column of a name, so streams that meet there must agree on its type."""
    found: dict[Mistake, None] = {}
    for log in plan.logs:
        first: dict[str, str] = {}
        for stream in log.streams:
            for name, column in plan.columns[stream].items():
                if name not in log.schema.names:
                    continue  # event time, or nobody needs it
                other = plan.columns[first.setdefault(name, stream)][name].type
                if other is not column.type:
                    message = (
                        f"streams that meet in the log by {log.column} give {name!r} two types:"
                        f" {other} in {first[name]!r}, {column.type} in {stream!r}"
                    )
                    found[Mistake(("streams", stream, "columns", name), message, "rename one or cast it")] = None
    yield from found


def _names_twice(plan: Plan) -> Iterator[Mistake]:
    """Every table and topic has one column of a name."""
    for name, view in plan.pipeline.features.items():
        for column in _doubled(column for column, *_ in feature_columns(name, view)):
            yield Mistake(("features", name), f"gives the feature {column!r} twice", "name each window and value once")
    for name in plan.pipeline.predictions:
        doubled = {*_doubled(plan.features_schema(name).names), *_doubled(plan.predictions_schema(name).names)}
        for column in sorted(doubled):
            yield Mistake(("predictions", name), f"its table would have two columns {column!r}", "rename yours")


def _doubled(names: Iterable[str]) -> list[str]:
    return [name for name, count in Counter(names).items() if count > 1]


def _partitioning_columns(pipeline: Pipeline) -> tuple[str, ...]:
    keys = [view.key for view in pipeline.features.values()]
    candidates = list(dict.fromkeys(column for key in keys for column in key))
    for size in range(1, len(candidates) + 1):
        for chosen in combinations(candidates, size):
            if all(set(key) & set(chosen) for key in keys):
                return chosen
    # No views: requests still travel one log, partitioned by what they are asked by.
    return tuple(dict.fromkeys(prediction.key for prediction in pipeline.predictions.values()))[:1]


def _log(
    pipeline: Pipeline,
    topics: TopicNames,
    columns: dict[str, dict[str, CleanColumn]],
    chain: Sequence[str],
    homes: dict[str, int],
    exits: dict[str, int],
    place: int,
) -> Log:
    needed = {stream: _needed(pipeline, columns, chain, homes, exits, place, stream) for stream in pipeline.streams}
    streams = tuple(stream for stream, names in needed.items() if names)
    fields: dict[str, pa.Field] = {}
    for stream in streams:
        for name in needed[stream]:
            if name == pipeline.streams[stream].event_time:
                continue  # it travels as _time
            fields.setdefault(name, pa.field(name, columns[stream][name].type.arrow))
    travelled = [
        field
        for name, prediction in pipeline.predictions.items()
        if exits[name] >= place
        for field in _feature_fields(pipeline, [view for view in prediction.features if homes[view] < place])
    ]
    unique = {field.name: field for field in travelled}
    head = [pa.field(STREAM, pa.string(), nullable=False), pa.field(TIME, TIMESTAMP, nullable=False)]
    return Log(
        column=chain[place],
        topic=topics.log(chain[place]),
        streams=streams,
        views=tuple(name for name, home in homes.items() if home == place),
        leaving=tuple(name for name, exit_ in exits.items() if exit_ == place),
        schema=pa.schema(head + list(fields.values()) + list(unique.values()) + list(IDENTITY)),
    )


def _needed(
    pipeline: Pipeline,
    columns: dict[str, dict[str, CleanColumn]],
    chain: Sequence[str],
    homes: dict[str, int],
    exits: dict[str, int],
    place: int,
    stream: str,
) -> list[str]:
    """Columns of a stream that somebody needs at this log or further on, in order; empty if the stream stops before."""
    views = [view for name, view in pipeline.features.items() if view.source == stream and homes[name] >= place]
    asked = any(prediction.on == stream and exits[name] >= place for name, prediction in pipeline.predictions.items())
    if not views and not asked:
        return []
    if asked or (place == 0 and Hop.CLEANED in pipeline.lake):
        return list(columns[stream])
    names = {name for view in views for name in (*view.key, *view.values)} | set(chain[place:])
    return [name for name in columns[stream] if name in names]


def _feature_fields(pipeline: Pipeline, views: Iterable[str]) -> list[pa.Field]:
    return [
        pa.field(column, pa.int64() if aggregate is Aggregate.COUNT else pa.float64())
        for view in views
        for column, _, aggregate, _ in feature_columns(view, pipeline.features[view])
    ]
