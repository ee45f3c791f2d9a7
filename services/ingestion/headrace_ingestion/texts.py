"""Text to typed values, exactly: what does not fit is named, never nulled and never rounded."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Bools = npt.NDArray[np.bool_]


def parse(texts: pa.Array, type_: pa.DataType) -> tuple[pa.Array, Bools]:
    """The values of a string array as `type_`, and which of them do not fit (null in the result).

    A timestamp is ISO 8601 with a zone. A float is finite.
    """
    if pa.types.is_string(type_):
        return texts, np.zeros(len(texts), np.bool_)
    values, wrong = _cast(texts, type_)
    if pa.types.is_floating(type_):
        endless = pc.invert(pc.fill_null(pc.is_finite(values), fill_value=True)).to_numpy(zero_copy_only=False)
        values, wrong = pc.if_else(pa.array(endless), pa.scalar(None, type_), values), wrong | endless
    return values, wrong


def _cast(texts: pa.Array, type_: pa.DataType) -> tuple[pa.Array, Bools]:
    """Halves what fails until only single values fail: most batches have no bad value at all."""
    try:
        return texts.cast(type_), np.zeros(len(texts), np.bool_)
    except pa.ArrowInvalid:
        if len(texts) == 1:
            return pa.nulls(1, type_), np.ones(1, np.bool_)
    half = len(texts) // 2
    left, right = _cast(texts.slice(0, half), type_), _cast(texts.slice(half), type_)
    return pa.concat_arrays([left[0], right[0]]), np.concatenate([left[1], right[1]])
