"""CSV to columns: every record begins with a header line; an empty field is null."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
from headrace.contract.pipeline import Column
from headrace.contract.quarantine import Reason
from headrace.runtime.stage import Record

from headrace_ingestion.rows import Broken, Decode, Decoded
from headrace_ingestion.texts import parse

_FIELD_LIMIT = 1 << 20  # characters of one field


def csv_decode(columns: Mapping[str, Column]) -> Decode:
    """Lines of a table with a header; a row's place counts the lines after the header."""
    csv.field_size_limit(_FIELD_LIMIT)
    return lambda records: _read(records, columns)


def _read(records: Sequence[Record], columns: Mapping[str, Column]) -> Decoded:
    texts: dict[str, list[str | None]] = {name: [] for name in columns}
    place: list[tuple[int, int]] = []
    raws: list[bytes] = []
    broken: list[Broken] = []
    unknown = 0
    for number, record in enumerate(records):
        for row, header, fields, raw in _rows(number, record, broken):
            if len(fields) != len(header):
                detail = f"{len(fields)} fields, the header has {len(header)}"
                broken.append(Broken(number, row, raw, Reason.UNREADABLE, None, detail))
                continue
            unknown += any(name not in columns for name in header)
            said = dict(zip(header, fields, strict=True))
            for name, values in texts.items():
                values.append(said.get(name) or None)
            place.append((number, row))
            raws.append(raw)
    arrays, kept = [], np.ones(len(raws), np.bool_)
    for name, column in columns.items():
        array, wrong = parse(pa.array(texts[name], pa.string()), column.type.arrow)
        for row_number in np.flatnonzero(wrong & kept).tolist():
            detail = f"{texts[name][row_number]!r} is no {column.type}"
            broken.append(Broken(*place[row_number], raws[row_number], Reason.WRONG_TYPE, name, detail[:200]))
        kept &= ~wrong
        arrays.append(array)
    table = pa.Table.from_arrays(arrays, names=list(columns)).filter(pa.array(kept))
    where = np.array(place, np.int64).reshape(-1, 2)[kept]
    good = np.flatnonzero(kept)
    return Decoded(table, where[:, 0], where[:, 1], lambda row: raws[good[row]], broken, unknown)


def _rows(number: int, record: Record, broken: list[Broken]) -> list[tuple[int, list[str], list[str], bytes]]:
    """(place, header, fields, raw text) of each line after the header; a record that is no CSV is broken as a whole."""
    value = record.value or b""
    try:
        lines = value.decode().splitlines(keepends=True)
        reader = csv.reader(lines, strict=True)
        header = next(reader, [])
        if len(set(header)) != len(header):
            raise csv.Error("a column stands twice in the header")
        found, start = [], reader.line_num
        for row, fields in enumerate(reader):
            if fields:
                found.append((row, header, fields, "".join(lines[start : reader.line_num]).strip("\r\n").encode()))
            start = reader.line_num
    except (csv.Error, UnicodeDecodeError) as error:
        broken.append(Broken(number, 0, value, Reason.UNREADABLE, None, f"not CSV: {error}"[:200]))
        return []
    if not found:
        broken.append(Broken(number, 0, value, Reason.UNREADABLE, None, "no line after the header"))
    return found
