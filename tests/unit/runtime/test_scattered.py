"""Rows for many partitions: each gets its own, in their order, and no rows make no output."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from headrace.runtime.stage import scattered


def test_each_partition_gets_its_rows_in_their_order() -> None:
    rows, causes = pa.table({"a": [0, 1, 2, 3]}), np.array([5, 5, 6, 7])
    outputs = scattered("t", rows, causes, "a", np.array([1, 0, 1, 0]))
    assert [(out.partition, out.rows["a"].to_pylist(), out.caused_by.tolist()) for out in outputs] == [
        (0, [1, 3], [5, 7]),
        (1, [0, 2], [5, 6]),
    ]


def test_no_rows_make_no_output() -> None:
    # a partition that is opened without a snapshot takes a step without rows
    rows = pa.table({"a": pa.array([], pa.int64())})
    assert scattered("t", rows, np.empty(0, np.int64), "a", np.empty(0, np.int64)) == []
