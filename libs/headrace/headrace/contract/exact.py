"""A column as another type, exactly: a value that does not fit is named, never nulled, wrapped or made endless."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Bools = npt.NDArray[np.bool_]

_DECIMAL = "^-?[0-9]+$"  # Arrow reads 0xFF too, and for an int8 as -1
_FIRST, _LAST = -62_135_596_800_000_000, 253_402_300_799_999_999  # the years 1 to 9999 in µs: what calendars can show


def cast(values: pa.Array, type_: pa.DataType) -> tuple[pa.Array, Bools]:
    """The values as `type_`, one of contract.columns, and which of them do not fit (null there).

    Text of a number is decimal, text of a timestamp is ISO 8601 with a zone and no finer than µs. A number with a
    fraction is no integer, and a finite value never becomes NaN or infinite; floats are rounded to 32 bits.
    """
    found, wrong = _cast(values, type_)
    if pa.types.is_integer(type_) and _is_text(values.type):
        wrong |= _plain(pc.invert(pc.match_substring_regex(values, _DECIMAL)))
    elif pa.types.is_floating(type_):
        wrong |= _plain(pc.invert(pc.is_finite(found))) & _was_finite(values)
    elif pa.types.is_timestamp(type_):
        moments = found.cast(pa.int64())
        ends = pc.min_max(moments)
        if ends["min"].is_valid and not _FIRST <= ends["min"].as_py() <= ends["max"].as_py() <= _LAST:
            wrong |= _plain(pc.or_(pc.less(moments, _FIRST), pc.greater(moments, _LAST)))
    if wrong.any():
        found = pc.if_else(pa.array(wrong), pa.scalar(None, type_), found)
    return found, wrong


def _cast(values: pa.Array, type_: pa.DataType) -> tuple[pa.Array, Bools]:
    """Halves what fails until only single values fail: most batches have no bad value at all."""
    if values.type == type_:
        return values, np.zeros(len(values), np.bool_)
    try:
        return values.cast(type_), np.zeros(len(values), np.bool_)
    except pa.ArrowNotImplementedError:
        return pa.nulls(len(values), type_), _plain(values.is_valid())
    except pa.ArrowInvalid:
        if len(values) == 1:
            return pa.nulls(1, type_), np.ones(1, np.bool_)
    half = len(values) // 2
    left, right = _cast(values.slice(0, half), type_), _cast(values.slice(half), type_)
    return pa.concat_arrays([left[0], right[0]]), np.concatenate([left[1], right[1]])


def _was_finite(values: pa.Array) -> Bools:
    if not pa.types.is_floating(values.type):
        return np.ones(len(values), np.bool_)
    return _plain(pc.is_finite(values))


def _is_text(type_: pa.DataType) -> bool:
    return bool(pa.types.is_string(type_) or pa.types.is_large_string(type_))


def _plain(mask: pa.Array) -> Bools:
    plain: Bools = pc.fill_null(mask, fill_value=False).to_numpy(zero_copy_only=False)
    return plain
