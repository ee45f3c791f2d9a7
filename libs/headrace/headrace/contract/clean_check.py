"""Whether a stream's columns and clean steps fit each other, and what columns its rows have after them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pyarrow as pa

from headrace.contract.clean import Cast, CleanStep, Derive, DropDuplicates, Fill, Filter, Normalise, Require, Trim
from headrace.contract.cleaned import CleanColumn
from headrace.contract.columns import ColumnType
from headrace.contract.draft import StreamDraft
from headrace.contract.mistake import Mistake, Path
from headrace.contract.pipeline import Column
from headrace.contract.row import Named, Row, keyed, listed, twice

Columns = dict[str, CleanColumn | None]


def check_stream(path: Path, stream: StreamDraft) -> tuple[Row, list[Mistake]]:
    """Return the row that a stream's cleaning leaves, and everything wrong with its columns and steps."""
    found: list[Mistake] = []
    columns: Columns = {}
    for name, column in stream.columns.items():
        columns[name] = None if column is None else CleanColumn(column.type, column.nullable)
        if column is not None:
            found += _column((*path, "columns", name), column)
    time = stream.event_time
    row = Row(columns, stream.complete)  # sees what the steps do to the columns
    was_a_timestamp = row.type_of(time) is ColumnType.TIMESTAMP
    for place, step in enumerate(stream.clean):
        if step is not None:
            found += _step((*path, "clean", place), step, row, columns)
            if was_a_timestamp and row.type_of(time) not in (ColumnType.TIMESTAMP, None):
                found.append(Mistake((*path, "clean", place), f"the event time {time!r} must stay a timestamp"))
                was_a_timestamp = False
    return row, found


def _column(path: Path, column: Column) -> Iterator[Mistake]:
    if column.between is not None and column.type is ColumnType.BOOL:
        yield Mistake((*path, "between"), "between needs a number, and this column is a bool")
    for place, value in enumerate(column.one_of or ()):
        try:
            pa.array([value], column.type.arrow)
        except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError):
            yield Mistake((*path, "one_of", place), f"{value!r} is no {column.type}")


def _step(path: Path, step: CleanStep, row: Row, columns: Columns) -> Iterator[Mistake]:
    match step:
        case Require():
            yield from row.condition((*path, "require", "that"), step.require.that)
        case Filter():
            yield from row.condition((*path, "filter"), step.filter)
        case Derive():
            for name, sql in step.derive.items():
                type_, wrong = row.sql((*path, "derive", name), sql)
                yield from wrong
                columns[name] = None if type_ is None else CleanColumn(type_, nullable=True)
        case Fill():
            yield from row.names((*path, "fill"), keyed(step.fill))
            for name, value in step.fill.items():
                yield from _value((*path, "fill", name), value, row.type_of(name))
        case Cast():
            yield from row.names((*path, "cast"), keyed(step.cast))
            for name, type_ in step.cast.items():
                before = columns.get(name)
                columns[name] = CleanColumn(type_, before is None or before.nullable)
        case Trim():
            yield from twice((*path, "trim"), listed(step.trim))
            yield from _texts((*path, "trim"), list(listed(step.trim)), row)
        case Normalise():
            yield from _texts((*path, "normalise"), list(keyed(step.normalise)), row)
        case DropDuplicates():
            by = (*path, "drop_duplicates", "by")
            yield from row.names(by, listed(step.drop_duplicates.by))
            yield from twice(by, listed(step.drop_duplicates.by))


def _texts(path: Path, names: Iterable[Named], row: Row) -> Iterator[Mistake]:
    for place, name in names:
        yield from row.names(path, [(place, name)])
        if row.type_of(name) not in (None, ColumnType.STRING):
            yield Mistake((*path, place), f"{name!r} is a {row.type_of(name)}, expected a string")


def _value(path: Path, value: str | float, type_: ColumnType | None) -> Iterator[Mistake]:
    if type_ is None:
        return
    try:
        pa.scalar(value).cast(type_.arrow)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, OverflowError):
        yield Mistake(path, f"{value!r} is no {type_}")
