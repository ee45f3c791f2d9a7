"""The part of a pipeline file that one service's work depends on, as a pipeline file of its own.

A service that is given its part is restarted only by a change of that part. Where a part cannot be told exactly it is
kept: a service that restarts for nothing loses seconds, one that misses a change computes the wrong thing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from headrace.contract.clean import Cast, Derive, Fill
from headrace.contract.cleaned import cleaned_columns
from headrace.contract.pipeline import Hop, Pipeline, Stream
from headrace.contract.plan import Plan, plan_or_mistakes

Mapped = dict[str, Any]

SERVICES = ("ingestion", "cleaning", "feature-engineering", "inference", "lake")
"""The services that read a pipeline file, as they are called on Kubernetes."""


def project(pipeline: Mapping[str, Any], service: str) -> Mapped:
    """Return the part of a right pipeline file that `service` depends on; a key that it does not see has its default.

    Equal for two files exactly where the order of their parts and everything that the service sees is equal. Raises
    KeyError for a service that is none of `SERVICES`.
    """
    whole = Pipeline.model_validate(pipeline)
    part = {key: value for key, value in _PARTS[service](whole).items() if value not in (None, {}, ())}
    projected = _head(whole) | part
    # Names in it are the user's own, and a shortened view may give two columns one name: then everything is kept.
    fits = isinstance(plan_or_mistakes(Pipeline.model_validate(projected)), Plan)
    return projected if fits else _dumped(whole)


def _head(whole: Pipeline) -> Mapped:
    kept = ("headrace", "name", "tenant", "partitions", "quarantine")
    return {key: value for key, value in _dumped(whole).items() if key in kept}


def _ingestion(whole: Pipeline) -> Mapped:
    return {
        "streams": {name: _without(stream, "clean") for name, stream in _dumped(whole)["streams"].items()},
        "lake": [],
    }


def _cleaning(whole: Pipeline) -> Mapped:
    return {
        "streams": {name: _typed(stream) | {"clean": _steps(stream)} for name, stream in whole.streams.items()},
        "features": _paths(whole, whole.features),
        "predictions": _asked(whole),
        "lake": _first_log(whole),
    }


def _feature_engineering(whole: Pipeline) -> Mapped:
    return {
        "streams": _rows(whole, _travelling(whole)),
        "features": _dumped(whole)["features"],
        "predictions": _asked(whole),
        "lake": _first_log(whole),
        "waiting_rows": whole.waiting_rows,
    }


def _inference(whole: Pipeline) -> Mapped:
    seen = {view for prediction in whole.predictions.values() for view in prediction.features}
    views = _dumped(whole)["features"]
    predictions = _dumped(whole)["predictions"]
    return {
        "streams": _rows(whole, _travelling(whole)),
        # The model's manifest holds a hash of the views that it sees; of the others only the rows' path matters.
        "features": {name: view if name in seen else _path(view) for name, view in views.items()},
        "predictions": {name: _without(prediction, "label") for name, prediction in predictions.items()},
        "lake": [],
    }


def _lake(whole: Pipeline) -> Mapped:
    hops = set(whole.lake)
    scored = {Hop.FEATURES, Hop.PREDICTIONS} & hops
    part: Mapped = {"lake": [str(hop) for hop in whole.lake], "streams": _shapes(whole)}
    if Hop.INGESTED not in hops:
        part["streams"] = _rows(whole, whole.streams)
    elif hops <= {Hop.INGESTED, Hop.QUARANTINE}:
        part["streams"] = {name: _typed(stream) for name, stream in whole.streams.items()}
    if scored:
        part["features"] = {n: _without(v, "delay", "slack") for n, v in _dumped(whole)["features"].items()}
        asked = _dumped(whole)["predictions"]
        part["predictions"] = {n: _without(p, "label") | {"model": n} for n, p in asked.items()}
    elif Hop.CLEANED in hops:
        part |= {"features": _paths(whole, whole.features), "predictions": _asked(whole)}
    return part


_PARTS: Mapping[str, Callable[[Pipeline], Mapped]] = {
    "ingestion": _ingestion,
    "cleaning": _cleaning,
    "feature-engineering": _feature_engineering,
    "inference": _inference,
    "lake": _lake,
}


def _travelling(whole: Pipeline) -> list[str]:
    """The streams that a view or a prediction reads; all of them when none does, because a file has one at least."""
    read = {view.source for view in whole.features.values()} | {each.on for each in whole.predictions.values()}
    return [name for name in whole.streams if name in read] or list(whole.streams)


def _typed(stream: Stream) -> Mapped:
    """A stream whose columns have their types and nothing that only ingestion checks."""
    columns = {n: {"type": str(c.type), "nullable": c.nullable} for n, c in stream.columns.items()}
    return {"event_time": stream.event_time, "columns": columns}


def _steps(stream: Stream) -> list[Mapped]:
    return [step.model_dump(mode="json", by_alias=True) for step in stream.clean]


def _shaped(stream: Stream) -> Mapped:
    """A stream with the clean steps that change what columns a row has."""
    shaping = [step for step in stream.clean if isinstance(step, Derive | Cast | Fill)]
    return _typed(stream) | {"clean": [step.model_dump(mode="json", by_alias=True) for step in shaping]}


def _shapes(whole: Pipeline) -> Mapped:
    return {name: _shaped(stream) for name, stream in whole.streams.items()}


def _rows(whole: Pipeline, names: Iterable[str]) -> Mapped:
    """Streams as if their cleaned rows were what producers send: how they came to be does not matter."""
    return {name: _row(whole.streams[name]) for name in names}


def _row(stream: Stream) -> Mapped:
    columns = cleaned_columns(stream)
    if columns[stream.event_time].nullable:  # derived anew: such a column cannot be declared
        return _shaped(stream)
    declared = {n: {"type": str(c.type), "nullable": c.nullable} for n, c in columns.items()}
    return {"event_time": stream.event_time, "columns": declared}


def _first_log(whole: Pipeline) -> list[str]:
    """Whether the lake takes cleaned rows from the first log, which then has all their columns."""
    return [str(Hop.CLEANED)] if Hop.CLEANED in whole.lake else []


def _paths(whole: Pipeline, names: Iterable[str]) -> Mapped:
    views = _dumped(whole)["features"]
    return {name: _path(views[name]) for name in names}


def _path(view: Mapped) -> Mapped:
    """A view of which only the columns that its rows must carry are left."""
    values = {column: ["count"] for column in view["values"]}
    return {"from": view["from"], "key": view["key"], "hop": "1s", "windows": ["1s"], "values": values}


def _asked(whole: Pipeline) -> Mapped:
    """Predictions without model and label; their inputs only where they have nothing else to be one with."""
    return {
        name: {"on": each.on, "key": each.key, "model": name}
        | ({"features": list(each.features)} if each.features else {"inputs": list(each.inputs)})
        for name, each in whole.predictions.items()
    }


def _without(part: Mapped, *keys: str) -> Mapped:
    return {key: value for key, value in part.items() if key not in keys}


def _dumped(whole: Pipeline) -> Mapped:
    return whole.model_dump(mode="json", by_alias=True)
