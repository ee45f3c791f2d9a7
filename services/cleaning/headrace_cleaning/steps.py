"""The clean steps of a stream, compiled once: each takes a batch and leaves it cleaner."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from headrace.contract.clean import (
    Cast,
    Derive,
    DropDuplicates,
    Fill,
    Filter,
    Normalise,
    Require,
    RowStep,
    Trim,
)
from headrace.contract.cleaned import CleanColumn, expression_type
from headrace.contract.columns import ColumnType
from headrace.contract.exact import cast
from headrace.contract.pipeline import Stream
from headrace.contract.quarantine import Reason

from headrace_cleaning.batch import Batch
from headrace_cleaning.duplicates import SeenKeys
from headrace_cleaning.expressions import compile_sql, is_true

Step = Callable[[Batch], None]

_NORMAL: Mapping[str, Callable[[pa.ChunkedArray], pa.ChunkedArray]] = {
    "upper": pc.utf8_upper,
    "lower": pc.utf8_lower,
    "nfc": lambda values: pc.utf8_normalize(values, form="NFC"),
}


class Cleaner:
    """The steps of one stream, in the file's order; `seen` has the state of each drop_duplicates by its place.

    Repetitions are looked for last, among the rows that every other step keeps: a row that was rejected is not there,
    so the same event that comes again, mended by its sender or by `headrace quarantine redrive`, repeats nothing.
    """

    def __init__(self, stream: Stream, cleaned: pa.Schema) -> None:
        self._time = stream.event_time
        self._cleaned = cleaned
        self._columns = {name: CleanColumn(c.type, c.nullable) for name, c in stream.columns.items()}
        self._steps = [self._compile(step) for step in stream.clean if not isinstance(step, DropDuplicates)]
        self.seen = {
            place: SeenKeys(step.drop_duplicates.by, step.drop_duplicates.within)
            for place, step in enumerate(stream.clean)
            if isinstance(step, DropDuplicates)
        }

    def clean(self, batch: Batch) -> None:
        """Run every step; an empty batch goes through like any other."""
        for step in self._steps:
            step(batch)
        reject_nulls(batch, self._cleaned)
        for keys in self.seen.values():
            batch.drop(keys.repeats(batch.rows, self._time), "duplicates")

    def _compile(self, step: RowStep) -> Step:
        match step:
            case Require():
                return self._require(step.require.name, step.require.that)
            case Filter():
                return self._filter(step.filter)
            case Derive():
                return _all([self._derive(name, sql) for name, sql in step.derive.items()])
            case Fill():
                return _all([self._fill(name, value) for name, value in step.fill.items()])
            case Cast():
                return _all([self._cast(name, type_) for name, type_ in step.cast.items()])
            case Trim():
                return _all([_text(name, pc.utf8_trim_whitespace) for name in step.trim])
            case Normalise():
                return _all([_text(name, _NORMAL[form]) for name, form in step.normalise.items()])

    def _schema(self) -> pa.Schema:
        return pa.schema([(name, column.type.arrow) for name, column in self._columns.items()])

    def _require(self, name: str, sql: str) -> Step:
        evaluate = compile_sql(sql, self._schema(), pa.bool_())

        def require(batch: Batch) -> None:
            values, failed = evaluate(batch.rows)
            met = is_true(values)[~failed]
            batch.reject(failed, Reason.EXPRESSION, name, f"{sql} failed on this row")
            batch.reject(~met, Reason.REQUIREMENT, name, f"{sql} is not true")

        return require

    def _filter(self, sql: str) -> Step:
        evaluate = compile_sql(sql, self._schema(), pa.bool_())

        def keep(batch: Batch) -> None:
            values, failed = evaluate(batch.rows)
            met = is_true(values)[~failed]
            batch.reject(failed, Reason.EXPRESSION, "filter", f"{sql} failed on this row")
            batch.drop(~met, "filtered")

        return keep

    def _derive(self, name: str, sql: str) -> Step:
        type_ = expression_type(sql, self._columns)
        evaluate = compile_sql(sql, self._schema(), type_.arrow)
        self._columns[name] = CleanColumn(type_, nullable=True)

        def derive(batch: Batch) -> None:
            values, failed = evaluate(batch.rows)
            batch.put(name, values)
            batch.reject(failed, Reason.EXPRESSION, name, f"{sql} failed on this row")

        return derive

    def _fill(self, name: str, value: str | float) -> Step:
        scalar = pa.scalar(value).cast(self._columns[name].type.arrow)
        return lambda batch: batch.put(name, pc.fill_null(batch.rows[name], scalar))

    def _cast(self, name: str, type_: ColumnType) -> Step:
        self._columns[name] = CleanColumn(type_, self._columns[name].nullable)

        def convert(batch: Batch) -> None:
            values, wrong = cast(_whole(batch.rows[name]), type_.arrow)
            batch.put(name, values)
            batch.reject(wrong, Reason.CAST, name, f"the value does not fit {type_}")

        return convert


def reject_nulls(batch: Batch, schema: pa.Schema) -> None:
    """Reject rows that still have a null where the cleaned row never may."""
    for field in schema:
        if not field.nullable and batch.rows[field.name].null_count:
            null = batch.rows[field.name].is_null().to_numpy()
            batch.reject(null, Reason.NOT_NULL, field.name, "it is null after cleaning, and never may be")


def _text(name: str, change: Callable[[pa.ChunkedArray], pa.ChunkedArray]) -> Step:
    return lambda batch: batch.put(name, change(batch.rows[name]))


def _whole(values: pa.ChunkedArray) -> pa.Array:
    return pa.concat_arrays(values.chunks) if values.num_chunks else pa.array([], values.type)


def _all(steps: Sequence[Step]) -> Step:
    def each(batch: Batch) -> None:
        for step in steps:
            step(batch)

    return each


def batch_of(rows: pa.Table) -> Batch:
    """All rows, none of them judged yet."""
    return Batch(rows, np.arange(rows.num_rows, dtype=np.int64))
