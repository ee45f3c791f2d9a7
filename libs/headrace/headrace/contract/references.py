"""Whether the parts of a pipeline file name each other rightly: every mistake, not only the first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from headrace.contract.clean_check import check_stream
from headrace.contract.draft import Draft, LabelDraft, PredictionDraft, ViewDraft
from headrace.contract.mistake import Mistake, Path, unknown
from headrace.contract.row import Row, keyed, listed, twice

_UNREADABLE = Row({}, complete=False)


def mistakes(draft: Draft) -> list[Mistake]:
    """Return everything that does not fit together, in the order of the parts."""
    found: list[Mistake] = []
    rows: dict[str, Row] = {}
    for name, stream in draft.streams.items():
        rows[name], wrong = check_stream(("streams", name), stream)
        found += wrong
    for name, view in draft.features.items():
        found += _view(("features", name), view, rows)
    for name, prediction in draft.predictions.items():
        found += _prediction(("predictions", name), prediction, draft.features, rows)
    return found


def _view(path: Path, view: ViewDraft, rows: Mapping[str, Row]) -> Iterator[Mistake]:
    yield from _stream((*path, "from"), view.source, rows)
    row = _row(view.source, rows)
    yield from row.names((*path, "key"), listed(view.key))
    yield from twice((*path, "key"), listed(view.key))
    yield from row.names((*path, "values"), keyed(view.values))
    for name in view.values:
        type_ = row.type_of(name)
        if type_ is not None and not type_.is_number:
            yield Mistake((*path, "values", name), f"only numbers can be aggregated, and {name!r} is a {type_}")


def _prediction(
    path: Path, prediction: PredictionDraft, views: Mapping[str, ViewDraft], rows: Mapping[str, Row]
) -> Iterator[Mistake]:
    yield from _stream((*path, "on"), prediction.on, rows)
    row = _row(prediction.on, rows)
    yield from row.names(path, [("key", prediction.key)])
    yield from row.names((*path, "inputs"), listed(prediction.inputs))
    yield from twice((*path, "inputs"), listed(prediction.inputs))
    for place, name in listed(prediction.inputs):
        type_ = row.type_of(name)
        if type_ is not None and not type_.is_number:
            yield Mistake((*path, "inputs", place), f"a model sees only numbers, and {name!r} is a {type_}")
    yield from twice((*path, "features"), listed(prediction.features))
    for place, name in listed(prediction.features):
        if name is not None and name not in views:
            yield unknown((*path, "features", place), "view", name, views)
        elif name is not None and views[name].source != prediction.on:  # else its key was looked at already
            read_by = ((place, column) for column in views[name].key)
            yield from row.names((*path, "features"), read_by, f"the view {name!r} is read by")
    if prediction.label is not None:
        yield from _label((*path, "label"), prediction.label, row, rows)


def _label(path: Path, label: LabelDraft, asking: Row, rows: Mapping[str, Row]) -> Iterator[Mistake]:
    yield from _stream((*path, "from"), label.source, rows)
    told = _row(label.source, rows)
    yield from asking.names((*path, "by"), listed(label.by))
    yield from twice((*path, "by"), listed(label.by))
    for place, name in listed(label.by):
        if name in asking.columns:  # else it is named above
            yield from told.names((*path, "by"), [(place, name)], f"{label.source!r} tells by")
        here, there = asking.type_of(name), told.type_of(name)
        if here is not None and there is not None and here is not there:
            yield Mistake((*path, "by", place), f"{name!r} is a {here} in the request, a {there} in {label.source!r}")
    if label.value is not None:
        yield from told.condition((*path, "value"), label.value)


def _stream(path: Path, name: str | None, rows: Mapping[str, Row]) -> Iterator[Mistake]:
    if name is not None and name not in rows:
        yield unknown(path, "stream", name, rows)


def _row(name: str | None, rows: Mapping[str, Row]) -> Row:
    return _UNREADABLE if name is None else rows.get(name, _UNREADABLE)
