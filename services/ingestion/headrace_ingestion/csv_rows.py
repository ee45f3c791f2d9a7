"""CSV to columns: every record begins with a header line; an empty field is null."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import count

import numpy as np
import pyarrow as pa
from headrace.contract.exact import cast
from headrace.contract.pipeline import Column
from headrace.contract.quarantine import Reason
from headrace.runtime.stage import Record

from headrace_ingestion.rows import Broken, Decode, Decoded, misfit, too_many_lines

_FIELD_LIMIT = 1 << 20  # characters of one field


@dataclass(frozen=True, slots=True)
class _Line:
    """A row's text below the header's, so that it can be sent again, and its fields; `fault` says why it has none."""

    row: int
    raw: bytes
    fields: Sequence[str] = ()
    fault: str = ""


def csv_decode(columns: Mapping[str, Column]) -> Decode:
    """Lines of a table with a header; a row's place counts the lines after the header, empty ones included."""
    csv.field_size_limit(_FIELD_LIMIT)
    return lambda records: _read(records, columns)


def _read(records: Sequence[Record], columns: Mapping[str, Column]) -> Decoded:
    texts: dict[str, list[str | None]] = {name: [] for name in columns}
    places: list[tuple[int, int]] = []
    raws: list[bytes] = []
    broken: list[Broken] = []
    unknown = 0
    for number, record in enumerate(records):
        if (too_long := too_many_lines(record)) is not None:
            broken.append(too_long)
            continue
        try:
            header, lines = _open(record.value or b"")
        except (csv.Error, UnicodeDecodeError) as error:
            detail = f"not CSV: {error}"[:200]
            broken.append(Broken(record, 0, record.value or b"", Reason.UNREADABLE, None, detail))
            continue
        strange = any(name not in columns for name in header)
        for line in lines:
            if line.fault:
                broken.append(Broken(record, line.row, line.raw, Reason.UNREADABLE, None, line.fault))
                continue
            said = dict(zip(header, line.fields, strict=True))
            for name, values in texts.items():
                values.append(said.get(name) or None)
            places.append((number, line.row))
            raws.append(line.raw)
            unknown += strange
    arrays, kept = [], np.ones(len(raws), np.bool_)
    for name, column in columns.items():
        array, wrong = cast(pa.array(texts[name], pa.string()), column.type.arrow)
        for row in np.flatnonzero(wrong & kept).tolist():
            detail = misfit(texts[name][row], column.type)
            broken.append(Broken(records[places[row][0]], places[row][1], raws[row], Reason.WRONG_TYPE, name, detail))
        kept &= ~wrong
        arrays.append(array)
    table = pa.Table.from_arrays(arrays, names=list(columns)).filter(pa.array(kept))
    where = np.array(places, np.int64).reshape(-1, 2)[kept]
    good = np.flatnonzero(kept)
    return Decoded(table, where[:, 0], where[:, 1], lambda row: raws[good[row]], broken, unknown)


def _open(value: bytes) -> tuple[Sequence[str], Sequence[_Line]]:
    """The header and the rows; raises csv.Error or UnicodeDecodeError for a record that is no CSV as a whole.

    A fault ends with its line, but a quotation that never ends takes the rest of the record with it.
    """
    # A StringIO breaks lines where CSV does; splitlines would break them inside a text, at U+2028 or a form feed.
    lines = list(io.StringIO(value.decode("utf-8-sig"), newline=""))
    reader = csv.reader(lines, strict=True)
    header = next(reader, [])
    head = "".join(lines[: reader.line_num]).strip("\r\n")
    if len(set(header)) != len(header):
        raise csv.Error("a column stands twice in the header")
    found: list[_Line] = []
    for row in count():
        start, fields, fault = reader.line_num, list[str](), ""
        try:
            fields = next(reader)
        except StopIteration:
            break
        except csv.Error as error:
            fault = f"not CSV: {error}"
        if fields and len(fields) != len(header):
            fault = f"{len(fields)} fields, the header has {len(header)}"
        if fields or fault:
            raw = f"{head}\n{''.join(lines[start : reader.line_num])}".strip("\r\n").encode()
            found.append(_Line(row, raw, fields, fault))
    if not found:
        raise csv.Error("no line after the header")
    return header, found
