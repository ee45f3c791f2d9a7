"""Values that strangers sent, as text that is safe in a terminal and exact in JSON."""

from __future__ import annotations

from base64 import b64encode
from datetime import UTC, datetime, timedelta

import msgspec
import pyarrow as pa

from headrace.contract.columns import TIMESTAMP

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Row = dict[str, object]


def rows_of(table: pa.Table) -> list[Row]:
    """Every row as a mapping; times are ISO 8601 in UTC, since Arrow has moments that Python's calendar lacks."""
    plain = {name: _values(column) for name, column in zip(table.column_names, table.columns, strict=True)}
    return [dict(zip(plain, values, strict=True)) for values in zip(*plain.values(), strict=True)]


def moment(microseconds: int) -> str:
    """A time (µs since 1970, UTC) in ISO 8601; one that no calendar has as its number of microseconds."""
    try:
        return (_EPOCH + timedelta(microseconds=microseconds)).isoformat().replace("+00:00", "Z")
    except OverflowError:
        return f"{microseconds} µs"


def json_line(row: Row) -> str:
    """A row as one line of JSON: NaN and infinities are null; bytes are text, or base64 under `<name>_base64`."""
    exact: Row = {}
    for name, value in row.items():
        if isinstance(value, bytes) and not _is_text(value):
            exact[f"{name}_base64"] = b64encode(value).decode()
        else:
            exact[name] = value.decode() if isinstance(value, bytes) else value
    return msgspec.json.encode(exact).decode()


def escaped(value: object, limit: int) -> str:
    """A value as printable text of at most `limit` characters; what is cut off is counted behind it.

    Whatever could move a cursor, end a line or hide text is shown as its escape; bytes that are no UTF-8 as `\\xff`.
    """
    if isinstance(value, bytes):
        # No more is decoded than can be shown; a character cut in two at the end is not shown at all.
        text, whole = value[: 4 * limit].decode("utf-8", "backslashreplace"), len(value)
        unit = "bytes"
    else:
        text = str(value)
        whole, unit = len(text), "characters"
    safe = "".join(sign if sign.isprintable() else _escape(sign) for sign in text[: limit + 1])
    return safe if len(safe) <= limit and len(text) <= limit else f"{safe[:limit]}… ({whole} {unit})"


def _escape(sign: str) -> str:
    return sign.encode("unicode_escape").decode("ascii")


def _values(column: pa.ChunkedArray) -> list[object]:
    if column.type == TIMESTAMP:
        return [None if value is None else moment(value) for value in column.cast(pa.int64()).to_pylist()]
    if column.type == pa.float32():  # 0.1, where its exact value begins 0.10000000149
        column = column.cast(pa.string()).cast(pa.float64())
    values: list[object] = column.to_pylist()
    return values


def _is_text(value: bytes) -> bool:
    try:
        value.decode()
    except UnicodeDecodeError:
        return False
    return True
