"""Where a log's rows go: on to the next log, or out to the features topic of a prediction."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa
from headrace.contract.plan import Log, Plan
from headrace.features.spec import ViewSpec


@dataclass(frozen=True, slots=True)
class Exit:
    """Request rows of `stream` leave a log here, with all their features."""

    prediction: str
    stream: str
    topic: str
    schema: pa.Schema
    event_time: str  # the column that travels as _time


def next_log_of(plan: Plan, log: Log) -> Log | None:
    """Return the log after this one, None for the last."""
    place = plan.logs.index(log)
    return plan.logs[place + 1] if place + 1 < len(plan.logs) else None


def exits_of(plan: Plan, log: Log) -> list[Exit]:
    """Return the predictions whose rows have all their features after this log."""
    return [
        Exit(
            prediction=name,
            stream=(stream := plan.pipeline.predictions[name].on),
            topic=plan.topics.features(name),
            schema=plan.features_schema(name),
            event_time=plan.pipeline.streams[stream].event_time,
        )
        for name in log.leaving
    ]


def views_of(plan: Plan, log: Log) -> list[ViewSpec]:
    """Return the views that live in this log, as the engine takes them."""
    return [
        ViewSpec(
            name=name,
            source=(view := plan.pipeline.features[name]).source,
            key=view.key,
            hop=view.hop,
            windows=view.windows,
            values={column: tuple(str(each) for each in aggregates) for column, aggregates in view.values.items()},
            delay=view.delay,
            slack=view.slack,
        )
        for name in log.views
    ]


def requests_of(plan: Plan, log: Log) -> dict[str, tuple[str, ...]]:
    """Return which views of this log the rows of each stream read, over all predictions on that stream."""
    asked: dict[str, dict[str, None]] = {}
    for prediction in plan.pipeline.predictions.values():
        here = [view for view in prediction.features if view in log.views]
        if here:
            asked.setdefault(prediction.on, {}).update(dict.fromkeys(here))
    return {stream: tuple(views) for stream, views in asked.items()}
