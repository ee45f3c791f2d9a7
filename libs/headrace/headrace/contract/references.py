"""Whether the parts of a pipeline name each other rightly: every mistake, not only the first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches

import polars as pl

from headrace.contract.clean import Cast, Derive, DropDuplicates, Fill, Filter, Normalise, Require, Trim
from headrace.contract.cleaned import CleanColumn, cleaned_columns, expression_type
from headrace.contract.columns import ColumnType
from headrace.contract.errors import PlanError
from headrace.contract.pipeline import Label, Pipeline, Prediction, Stream, View

Path = tuple[str | int, ...]
Columns = Mapping[str, CleanColumn]


@dataclass(frozen=True, slots=True)
class Mistake:
    """One wrong reference: where, what is wrong, and what would mend it."""

    path: Path
    message: str
    mend: str = ""

    def __str__(self) -> str:
        return f"{'.'.join(map(str, self.path))}: {self.message}" + (f" ({self.mend})" if self.mend else "")


def mistakes(pipeline: Pipeline) -> list[Mistake]:
    """Return everything that does not fit together, in the order of the parts."""
    found: list[Mistake] = []
    columns: dict[str, Columns | None] = {}
    for name, stream in pipeline.streams.items():
        wrong = list(_clean(("streams", name, "clean"), stream))
        found += wrong
        columns[name] = None if wrong else cleaned_columns(stream)
    for name, view in pipeline.features.items():
        found += _view(("features", name), view, columns)
    for name, prediction in pipeline.predictions.items():
        found += _prediction(("predictions", name), prediction, pipeline, columns)
    return found


def _clean(path: Path, stream: Stream) -> Iterator[Mistake]:
    columns: dict[str, CleanColumn] = {n: CleanColumn(c.type, c.nullable) for n, c in stream.columns.items()}
    for place, step in enumerate(stream.clean):
        where = (*path, place)
        match step:
            case Require():
                yield from _condition((*where, "require", "that"), step.require.that, columns)
            case Filter():
                yield from _condition((*where, "filter"), step.filter, columns)
            case Derive():
                for name, sql in step.derive.items():
                    try:
                        columns[name] = CleanColumn(expression_type(sql, columns), nullable=True)
                    except PlanError as error:
                        yield Mistake((*where, "derive", name), str(error))
                        return  # what follows may need it
            case Fill():
                yield from _names((*where, "fill"), step.fill, columns)
            case Cast():
                yield from _names((*where, "cast"), step.cast, columns)
                for name, type_ in step.cast.items():
                    columns[name] = CleanColumn(type_, columns[name].nullable if name in columns else True)
            case Trim():
                yield from _texts((*where, "trim"), step.trim, columns)
            case Normalise():
                yield from _texts((*where, "normalise"), step.normalise, columns)
            case DropDuplicates():
                yield from _names((*where, "drop_duplicates", "by"), step.drop_duplicates.by, columns)
    if columns[stream.event_time].type is not ColumnType.TIMESTAMP:
        yield Mistake(path, f"the event time {stream.event_time!r} must stay a timestamp")


def _condition(path: Path, sql: str, columns: Columns) -> Iterator[Mistake]:
    try:
        type_ = expression_type(sql, dict(columns))
    except PlanError as error:
        yield Mistake(path, str(error))
    except pl.exceptions.PolarsError as error:
        yield Mistake(path, f"{sql!r} is not SQL: {error}")
    else:
        if type_ is not ColumnType.BOOL:
            yield Mistake(path, f"{sql!r} gives {type_}, expected a condition (bool)", "compare it with something")


def _texts(path: Path, names: Iterable[str], columns: Columns) -> Iterator[Mistake]:
    names = tuple(names)
    yield from _names(path, names, columns)
    for name in names:
        if name in columns and columns[name].type is not ColumnType.STRING:
            yield Mistake(path, f"{name!r} is {columns[name].type}, expected a string")


def _view(path: Path, view: View, columns: Mapping[str, Columns | None]) -> Iterator[Mistake]:
    if view.source not in columns:
        yield _unknown((*path, "from"), "stream", view.source, columns)
        return
    known = columns[view.source]
    if known is None:
        return  # its stream is wrong already
    yield from _names((*path, "key"), view.key, known)
    for name in view.values:
        if name not in known:
            yield _unknown((*path, "values", name), "column", name, known)
        elif not known[name].type.is_number:
            yield Mistake((*path, "values", name), f"only numbers can be aggregated, and this is a {known[name].type}")


def _prediction(
    path: Path, prediction: Prediction, pipeline: Pipeline, columns: Mapping[str, Columns | None]
) -> Iterator[Mistake]:
    if prediction.on not in columns:
        yield _unknown((*path, "on"), "stream", prediction.on, columns)
        return
    known = columns[prediction.on]
    if known is None:
        return
    yield from _names((*path, "key"), (prediction.key,), known)
    yield from _names((*path, "inputs"), prediction.inputs, known)
    for name in prediction.inputs:
        if name in known and not known[name].type.is_number:
            yield Mistake((*path, "inputs"), f"{name!r} is a {known[name].type}, and a model sees only numbers")
    for name in prediction.features:
        view = pipeline.features.get(name)
        if view is None:
            yield _unknown((*path, "features"), "view", name, pipeline.features)
        elif view.source != prediction.on:  # else it was looked at already
            yield from _names((*path, "features"), view.key, known, f"the view {name!r} is read by")
    if prediction.label is not None:
        yield from _label((*path, "label"), prediction.label, known, columns)


def _label(path: Path, label: Label, asking: Columns, columns: Mapping[str, Columns | None]) -> Iterator[Mistake]:
    if label.source not in columns:
        yield _unknown((*path, "from"), "stream", label.source, columns)
        return
    yield from _names((*path, "by"), label.by, asking)
    known = columns[label.source]
    if known is not None:
        yield from _names((*path, "by"), label.by, known)
        yield from _condition((*path, "value"), label.value, known)


def _names(path: Path, names: Iterable[str], known: Columns, why: str = "") -> Iterator[Mistake]:
    for name in names:
        if name not in known:
            yield _unknown(path, "column", name, known, why)


def _unknown(path: Path, kind: str, name: str, known: Iterable[str], why: str = "") -> Mistake:
    names = list(known)
    close = get_close_matches(name, names, 1)
    mend = f"did you mean {close[0]!r}?" if close else f"there are {', '.join(names) or 'none'}"
    return Mistake(
        path, f"{why} {name!r}, which is no {kind} here".strip() if why else f"no {kind} {name!r} here", mend
    )
