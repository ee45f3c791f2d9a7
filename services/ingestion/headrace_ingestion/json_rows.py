"""JSON objects to columns, through a msgspec struct made from the stream's columns."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any

import msgspec
import numpy as np
import pyarrow as pa
from headrace.contract.columns import ColumnType
from headrace.contract.pipeline import Column
from headrace.contract.quarantine import Reason
from headrace.runtime.stage import Record

from headrace_ingestion.rows import Broken, Decode, Decoded
from headrace_ingestion.texts import Bools, parse

Piece = tuple[int, int, bytes]
"""A JSON text: its record's place in the run, its place in the record, and its bytes."""

_BITS = {ColumnType.INT8: 8, ColumnType.INT16: 16, ColumnType.INT32: 32, ColumnType.INT64: 64}
_PLAIN: dict[ColumnType, Any] = {  # Any: what msgspec takes as a type
    ColumnType.STRING: str,
    ColumnType.BOOL: bool,
    ColumnType.FLOAT32: float,
    ColumnType.FLOAT64: float,
    ColumnType.TIMESTAMP: str,
    ColumnType.BINARY: bytes,  # base64
}
_COLUMN = re.compile(r"`\$\.([A-Za-z0-9_]+)")


def json_decode(columns: Mapping[str, Column]) -> Decode:
    """One object per record."""
    reader = _Reader(columns)
    return lambda records: reader.read((place, 0, record.value or b"") for place, record in enumerate(records))


def ndjson_decode(columns: Mapping[str, Column]) -> Decode:
    """One object per line; a row's place is its line, empty lines included."""
    reader = _Reader(columns)
    return lambda records: reader.read(_lines(records))


def _lines(records: Sequence[Record]) -> Iterable[Piece]:
    for place, record in enumerate(records):
        value = record.value or b""
        if not value.strip():
            yield place, 0, value  # a record without any line is as broken as an empty one
            continue
        for row, line in enumerate(value.split(b"\n")):
            if line.strip():
                yield place, row, line


class _Reader:
    def __init__(self, columns: Mapping[str, Column]) -> None:
        self._columns = columns
        fields = [(name, _type(column.type), None) for name, column in columns.items()]
        self._known = msgspec.json.Decoder(msgspec.defstruct("Known", fields, forbid_unknown_fields=True, gc=False))
        self._any = msgspec.json.Decoder(msgspec.defstruct("Any", fields, gc=False))

    def read(self, pieces: Iterable[Piece]) -> Decoded:
        good: list[Piece] = []
        rows: list[tuple[Any, ...]] = []
        broken: list[Broken] = []
        unknown = 0
        known, astuple = self._known.decode, msgspec.structs.astuple
        for piece in pieces:
            try:
                row = known(piece[2])
            except Exception:  # noqa: BLE001  whatever it was, the second reading says what to do with it
                try:
                    row = self._any.decode(piece[2])
                except (msgspec.MsgspecError, ValueError, RecursionError) as error:
                    broken.append(_broken(piece, error))
                    continue
                unknown += 1
            rows.append(astuple(row))
            good.append(piece)
        table, wrong = self._table(rows)
        broken += [
            Broken(*good[place], Reason.WRONG_TYPE, name, f"{rows[place][number]!r} is no {self._columns[name].type}")
            for number, name, place in wrong
        ]
        kept = np.ones(len(good), np.bool_)
        kept[[place for _, _, place in wrong]] = False
        if not kept.all():
            table = table.filter(pa.array(kept))
            good = [piece for piece, keep in zip(good, kept, strict=True) if keep]
        return Decoded(
            columns=table,
            record=np.array([piece[0] for piece in good], np.int64),
            row=np.array([piece[1] for piece in good], np.int64),
            raw=lambda place: good[place][2],
            broken=broken,
            unknown=unknown,
        )

    def _table(self, rows: Sequence[tuple[Any, ...]]) -> tuple[pa.Table, list[tuple[int, str, int]]]:
        """The columns, and (column number, its name, row) of values that only the Arrow type refuses, once a row."""
        values = zip(*rows, strict=True) if rows else ((),) * len(self._columns)
        arrays, wrong, seen = [], [], set()
        for number, ((name, column), each) in enumerate(zip(self._columns.items(), values, strict=True)):
            if column.type is ColumnType.TIMESTAMP:
                array, bad = parse(pa.array(each, pa.string()), column.type.arrow)
            else:
                array = pa.array(each, column.type.arrow)
                bad = _endless(array)
            for place in np.flatnonzero(bad).tolist():
                if place not in seen:
                    seen.add(place)
                    wrong.append((number, name, place))
            arrays.append(array)
        return pa.Table.from_arrays(arrays, names=list(self._columns)), wrong


def _endless(array: pa.Array) -> Bools:
    """Which floats are infinite: 1e999 in the text, or too large for 32 bits."""
    if not pa.types.is_floating(array.type):
        return np.zeros(len(array), np.bool_)
    endless: Bools = np.isinf(array.to_numpy(zero_copy_only=False))
    return endless


def _type(type_: ColumnType) -> Any:  # Any: what msgspec takes as a type
    if type_ in _BITS:
        half = 2 ** (_BITS[type_] - 1)
        return Annotated[int, msgspec.Meta(ge=-half, le=half - 1)] | None
    return _PLAIN[type_] | None


def _broken(piece: Piece, error: Exception) -> Broken:
    if isinstance(error, msgspec.ValidationError):
        column = _COLUMN.search(str(error))
        return Broken(*piece, Reason.WRONG_TYPE, column[1] if column else None, str(error)[:200])
    return Broken(*piece, Reason.UNREADABLE, None, f"not JSON: {str(error)[:200]}")
