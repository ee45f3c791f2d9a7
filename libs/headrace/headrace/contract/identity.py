"""A row's identity for life: the raw Kafka record it came from, and its place in that record."""

from __future__ import annotations

import pyarrow as pa

PARTITION = "_partition"
OFFSET = "_offset"
ROW = "_row"
STREAM = "_stream"  # merged logs only: which stream the row belongs to
TIME = "_time"  # merged logs only: event time, whatever the stream calls it

IDENTITY: tuple[pa.Field, ...] = (
    pa.field(PARTITION, pa.int32(), nullable=False),
    pa.field(OFFSET, pa.int64(), nullable=False),
    pa.field(ROW, pa.int32(), nullable=False),
)
"""The three columns that close every row's schema, at every hop and in the lake."""

RESERVED = frozenset({PARTITION, OFFSET, ROW, STREAM, TIME})
"""Names that a pipeline file cannot give to a column of its own."""
