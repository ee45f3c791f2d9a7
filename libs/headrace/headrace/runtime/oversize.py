"""Rows that no message can hold: they go to quarantine, and the rest of their batch goes on."""

from __future__ import annotations

import json

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from headrace.contract.identity import OFFSET, PARTITION, ROW
from headrace.contract.quarantine import QUARANTINE_SCHEMA, RAW_LIMIT
from headrace.runtime.stage import Output
from headrace.wire.origin import OriginKey

_ROW_TO_SPARE = 16  # a row of less than a 16th of the limit needs no closer look


def split_oversize(output: Output, key: OriginKey, limit: int) -> tuple[Output, pa.Table]:
    """The output without the rows above `limit` bytes, and those rows as the quarantine keeps them."""
    if output.rows.nbytes <= limit // _ROW_TO_SPARE or not (large := _large_rows(output.rows, limit)).any():
        return output, QUARANTINE_SCHEMA.empty_table()
    kept = np.flatnonzero(~large)
    rest = Output(output.topic, output.partition, output.rows.take(kept), output.caused_by[kept], output.time_column)
    rows = [_rejected(output, key, int(place), limit) for place in np.flatnonzero(large)]
    return rest, pa.Table.from_pylist(rows, schema=QUARANTINE_SCHEMA)


def _large_rows(rows: pa.Table, limit: int) -> npt.NDArray[np.bool_]:
    """Which rows have more than half the limit in text and bytes; only those columns have no fixed width."""
    sizes = np.zeros(rows.num_rows, np.int64)
    for column in rows.columns:
        if pa.types.is_string(column.type) or pa.types.is_binary(column.type):
            sizes += pa.compute.fill_null(pa.compute.binary_length(column), 0).to_numpy()
    return sizes > limit // 2


def _rejected(output: Output, key: OriginKey, place: int, limit: int) -> dict[str, object]:
    row = output.rows.slice(place, 1).to_pylist()[0]
    return {
        "stage": key.stage,
        "topic": key.topic,
        "topic_offset": int(output.caused_by[place]),
        "reason": "row_too_large",
        "detail": f"a row for {output.topic} has more than {limit // 2} bytes of text: no message can hold it",
        "raw": json.dumps(row, default=str, ensure_ascii=False).encode()[:RAW_LIMIT],
        "time": row.get(output.time_column) or 0,
        PARTITION: row.get(PARTITION),
        OFFSET: row.get(OFFSET),
        ROW: row.get(ROW),
    }
