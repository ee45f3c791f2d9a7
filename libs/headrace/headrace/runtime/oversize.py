"""Rows that no message can hold: they go to quarantine, and the rest of their batch goes on."""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from headrace.contract.identity import OFFSET, PARTITION, ROW, STREAM
from headrace.contract.quarantine import NOTHING_REJECTED, QUARANTINE_SCHEMA, RAW_LIMIT, Reason
from headrace.runtime.intake import Consumed
from headrace.runtime.stage import Output
from headrace.wire.origin import OriginKey

_ROW_TO_SPARE = 16  # a row of less than a 16th of the limit needs no closer look


def split_oversize(
    output: Output, key: OriginKey, limit: int, stream: str | None, records: Sequence[Consumed]
) -> tuple[Output, pa.Table]:
    """The output without the rows above `limit` bytes, and those rows as the quarantine keeps them.

    `stream` is the input's, where it holds only one; `records` are those that the step has read.
    """
    if output.rows.nbytes <= limit // _ROW_TO_SPARE or not (large := _large_rows(output.rows, limit)).any():
        return output, NOTHING_REJECTED
    kept = np.flatnonzero(~large)
    rest = Output(output.topic, output.partition, output.rows.take(kept), output.caused_by[kept], output.time_column)
    rows = [_rejected(output, key, int(place), limit, stream, records) for place in np.flatnonzero(large)]
    return rest, pa.Table.from_pylist(rows, schema=QUARANTINE_SCHEMA)


def _large_rows(rows: pa.Table, limit: int) -> npt.NDArray[np.bool_]:
    """Which rows have more than half the limit in text and bytes; only those columns have no fixed width."""
    sizes = np.zeros(rows.num_rows, np.int64)
    for column in rows.columns:
        if pa.types.is_string(column.type) or pa.types.is_binary(column.type):
            sizes += pa.compute.fill_null(pa.compute.binary_length(column), 0).to_numpy()
    return sizes > limit // 2


def _rejected(
    output: Output, key: OriginKey, place: int, limit: int, stream: str | None, records: Sequence[Consumed]
) -> dict[str, object]:
    row = output.rows.slice(place, 1).to_pylist()[0]
    cause = int(output.caused_by[place])
    read = next(record.timestamp for record in records if record.offset == cause)
    return {
        "stage": key.stage,
        "topic": key.topic,
        "topic_offset": cause,
        "stream": row.get(STREAM, stream),
        "reason": str(Reason.ROW_TOO_LARGE),
        "detail": f"a row for {output.topic} has more than {limit // 2} bytes of text: no message can hold it",
        "raw": json.dumps(row, default=str, ensure_ascii=False).encode()[:RAW_LIMIT],
        "time": max(read, 0) * 1000,
        PARTITION: row.get(PARTITION),
        OFFSET: row.get(OFFSET),
        ROW: row.get(ROW),
    }
