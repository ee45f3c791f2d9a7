"""A column as another type, exactly: a value that does not fit is named, never nulled and never rounded."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from headrace_cleaning.batch import Bools


def cast(values: pa.ChunkedArray, type_: pa.DataType) -> tuple[pa.ChunkedArray, Bools]:
    """The values as `type_`, and which of them do not fit (null there)."""
    array = values.combine_chunks() if values.num_chunks else pa.array([], values.type)
    found, wrong = _cast(array, type_)
    if pa.types.is_floating(type_):
        became_endless = _is_inf(found) & ~_is_inf(array)
        found = pc.if_else(pa.array(became_endless), pa.scalar(None, type_), found)
        wrong = wrong | became_endless
    return pa.chunked_array([found]), wrong


def _cast(array: pa.Array, type_: pa.DataType) -> tuple[pa.Array, Bools]:
    try:
        return array.cast(type_), np.zeros(len(array), np.bool_)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        if len(array) <= 1:
            return pa.nulls(len(array), type_), np.ones(len(array), np.bool_)
    half = len(array) // 2
    left, right = _cast(array.slice(0, half), type_), _cast(array.slice(half), type_)
    return pa.concat_arrays([left[0], right[0]]), np.concatenate([left[1], right[1]])


def _is_inf(array: pa.Array) -> Bools:
    if not pa.types.is_floating(array.type):
        return np.zeros(len(array), np.bool_)
    endless: Bools = np.isinf(array.to_numpy(zero_copy_only=False))
    return endless
