"""Casts that lose nothing: what does not fit is named."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from headrace.contract.columns import TIMESTAMP
from headrace.contract.exact import cast


@pytest.mark.parametrize(
    ("values", "type_", "expected"),
    [
        (pa.array(["1", "-128", "128", "1.5", "0xFF", " 1", "+1", None]), pa.int8(), [1, -128, *[None] * 6]),
        (pa.array([1.0, 1.5, np.nan, 300.0, None]), pa.int8(), [1, None, None, None, None]),
        (pa.array(["1.5", "1e39", "nan", "-inf", "1_0", None]), pa.float32(), [1.5, *[None] * 5]),
        (pa.array([1.5, 1e39, np.inf]), pa.float32(), [1.5, None, np.inf]),  # infinite before, infinite after
        (pa.array([2**53, 2**53 + 1]), pa.float64(), [2.0**53, None]),
        (pa.array([255, 2**63], pa.uint64()), pa.int64(), [255, None]),
        (pa.array([-(2**63), 0, 2**63 - 1, None]), TIMESTAMP, [None, 0, None, None]),
        (pa.array([1_000, 1_001], pa.timestamp("ns", "UTC")), TIMESTAMP, [1, None]),
        (pa.array([2**62, 1], pa.timestamp("s", "UTC")), TIMESTAMP, [None, 1_000_000]),
        (pa.array([b"\xff", b"a"]), pa.string(), [None, "a"]),
        (pa.array([True, None]), TIMESTAMP, [None, None]),  # no such cast at all
    ],
)
def test_a_value_that_does_not_fit_is_named_and_null(values: pa.Array, type_: pa.DataType, expected: list[Any]) -> None:
    found, wrong = cast(values, type_)

    assert found.type == type_
    plain = found.cast(pa.int64()) if pa.types.is_timestamp(type_) else found
    assert plain.to_pylist() == expected
    # A null is no misfit: it was null before.
    assert wrong.tolist() == [
        after is None and before for after, before in zip(expected, values.is_valid().to_pylist(), strict=True)
    ]


def test_no_values_fit_any_type() -> None:
    found, wrong = cast(pa.array([], pa.string()), pa.int8())

    assert (len(found), found.type, wrong.tolist()) == (0, pa.int8(), [])
