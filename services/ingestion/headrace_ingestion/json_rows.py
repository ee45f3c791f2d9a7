"""JSON objects to columns, through a msgspec struct made from the stream's columns."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from operator import attrgetter
from typing import Annotated, Any

import msgspec
import numpy as np
import pyarrow as pa
from headrace.contract.columns import ColumnType
from headrace.contract.exact import Bools, cast
from headrace.contract.pipeline import Column
from headrace.contract.quarantine import Reason
from headrace.runtime.stage import Record

from headrace_ingestion.rows import Broken, Decode, Decoded, Int64s, misfit, too_many_lines

_BITS = {ColumnType.INT8: 8, ColumnType.INT16: 16, ColumnType.INT32: 32, ColumnType.INT64: 64}
_PLAIN: dict[ColumnType, Any] = {  # Any: what msgspec takes as a type
    ColumnType.STRING: str,
    ColumnType.BOOL: bool,
    ColumnType.FLOAT32: float,
    ColumnType.FLOAT64: float,
    ColumnType.TIMESTAMP: str,
    ColumnType.BINARY: bytes,  # base64
}
# What msgspec gives that is not of the Arrow type yet.
_BEFORE = {ColumnType.TIMESTAMP: pa.string(), ColumnType.FLOAT32: pa.float64()}
_COLUMN = re.compile(r"`\$\.([A-Za-z0-9_]+)")

Refuse = Callable[[int, str, str | None, str], None]
"""Says of the text at a place: reason, rule, detail."""


def json_decode(columns: Mapping[str, Column]) -> Decode:
    """One object per record."""
    reader = _Reader(columns)

    def decode(records: Sequence[Record]) -> Decoded:
        count = len(records)
        texts = [record.value or b"" for record in records]
        return reader.read(records, np.arange(count), np.zeros(count, np.int64), texts)

    return decode


def ndjson_decode(columns: Mapping[str, Column]) -> Decode:
    """One object per line; a row's place is its line, empty lines included."""
    reader = _Reader(columns)

    def decode(records: Sequence[Record]) -> Decoded:
        places: list[tuple[int, int]] = []
        texts: list[bytes] = []
        too_long = [broken for record in records if (broken := too_many_lines(record))]
        refused = {broken.record.offset for broken in too_long}
        for number, record in enumerate(records):
            if record.offset in refused:
                continue
            value = record.value or b""
            lines = [(row, line) for row, line in enumerate(value.split(b"\n")) if line.strip()]
            for row, line in lines or [(0, value)]:  # a record without any line is as broken as an empty one
                places.append((number, row))
                texts.append(line)
        where = np.array(places, np.int64).reshape(-1, 2)
        return reader.read(records, where[:, 0], where[:, 1], texts, too_long)

    return decode


class _Reader:
    def __init__(self, columns: Mapping[str, Column]) -> None:
        self._columns = columns
        fields = [(name, _type(column.type), None) for name, column in columns.items()]
        self._known = msgspec.json.Decoder(msgspec.defstruct("Known", fields, forbid_unknown_fields=True, gc=False))
        self._any = msgspec.json.Decoder(msgspec.defstruct("Any", fields, gc=False))

    def read(
        self,
        records: Sequence[Record],
        record: Int64s,
        row: Int64s,
        texts: Sequence[bytes],
        already_broken: Sequence[Broken] = (),
    ) -> Decoded:
        """The rows of JSON texts; `record` and `row` say where each stood."""
        broken = list(already_broken)

        def refuse(place: int, reason: str, rule: str | None, detail: str) -> None:
            broken.append(Broken(records[record[place]], int(row[place]), texts[place], reason, rule, detail))

        objects, places, unknown = self._objects(texts, refuse)
        table, wrong = self._table(objects)
        for number, name in wrong.items():
            detail = misfit(getattr(objects[number], name), self._columns[name].type)
            refuse(int(places[number]), Reason.WRONG_TYPE, name, detail)
        if wrong:
            kept = np.ones(len(objects), np.bool_)
            kept[list(wrong)] = False
            table, places = table.filter(pa.array(kept)), places[kept]
        return Decoded(table, record[places], row[places], lambda number: texts[places[number]], broken, unknown)

    def _objects(self, texts: Sequence[bytes], refuse: Refuse) -> tuple[list[Any], Int64s, int]:
        """The objects, the place of each among the texts, and how many of them have columns of unknown name."""
        known = self._known.decode
        try:
            return [known(text) for text in texts], np.arange(len(texts)), 0
        except Exception:  # noqa: BLE001  whatever it was, one of them is not plain: each is read alone
            return self._one_by_one(texts, refuse)

    def _one_by_one(self, texts: Sequence[bytes], refuse: Refuse) -> tuple[list[Any], Int64s, int]:
        objects: list[Any] = []  # Any: a struct that msgspec made from the columns
        places: list[int] = []
        unknown = 0
        for place, text in enumerate(texts):
            try:
                found = self._known.decode(text)
            except Exception:  # noqa: BLE001  the second reading says what to do with it
                try:
                    found = self._any.decode(text)
                except (msgspec.MsgspecError, ValueError, RecursionError) as error:
                    refuse(place, *_fault(text, error))
                    continue
                unknown += 1
            objects.append(found)
            places.append(place)
        return objects, np.array(places, np.int64), unknown

    def _table(self, objects: Sequence[Any]) -> tuple[pa.Table, dict[int, str]]:
        """The columns, and for each object with a value that only Arrow's type refuses the first such column."""
        arrays, wrong = [], dict[int, str]()
        for name, column in self._columns.items():
            values = list(map(attrgetter(name), objects))
            array = pa.array(values, _BEFORE.get(column.type, column.type.arrow))
            bad: Bools
            if column.type in _BEFORE:
                array, bad = cast(array, column.type.arrow)
                for number in np.flatnonzero(bad).tolist():
                    wrong.setdefault(number, name)
            arrays.append(array)
        return pa.Table.from_arrays(arrays, names=list(self._columns)), wrong


def _type(type_: ColumnType) -> Any:  # Any: what msgspec takes as a type
    if type_ in _BITS:
        half = 2 ** (_BITS[type_] - 1)
        return Annotated[int, msgspec.Meta(ge=-half, le=half - 1)] | None
    return _PLAIN[type_] | None


def _fault(text: bytes, error: Exception) -> tuple[str, str | None, str]:
    """Reason, rule and detail."""
    if isinstance(error, msgspec.ValidationError):
        column = _COLUMN.search(str(error))
        return Reason.WRONG_TYPE, column[1] if column else None, str(error)[:200]
    return Reason.UNREADABLE, None, f"not JSON: {str(error)[:200]}" if text.strip() else "it is empty"
