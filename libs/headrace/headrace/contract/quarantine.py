"""Rejected rows: why, and what of them is kept."""

from __future__ import annotations

from enum import StrEnum

import pyarrow as pa

from headrace.contract.columns import TIMESTAMP
from headrace.contract.identity import IDENTITY

RAW_LIMIT = 1 << 20
"""Bytes of a rejected record that are kept; the rest stays in its topic for as long as that holds the record."""


class Reason(StrEnum):
    """Why a row is in quarantine. The gate's reasons for a whole message are in wire.gate and share this namespace."""

    UNREADABLE = "unreadable"  # not JSON, CSV or Arrow at all
    MISSING_COLUMN = "missing_column"  # absent or null, and the column is never null
    WRONG_TYPE = "wrong_type"
    TOO_FAR_AHEAD = "too_far_ahead"  # event time beyond its record's Kafka timestamp plus max_ahead
    OUT_OF_RANGE = "out_of_range"  # between
    NOT_ALLOWED = "not_allowed"  # one_of
    NOT_NULL = "not_null"  # null after cleaning
    REQUIREMENT = "requirement"  # require
    CAST = "cast"  # a value that does not fit the type it is cast to
    EXPRESSION = "expression"  # SQL that failed on this row
    ROW_TOO_LARGE = "row_too_large"  # no message can hold it
    NOT_SCORABLE = "not_scorable"  # the model cannot take this row


QUARANTINE_SCHEMA = pa.schema(
    [
        pa.field("stage", pa.string(), nullable=False),
        pa.field("topic", pa.string(), nullable=False),  # the topic the stage read it from
        pa.field("topic_offset", pa.int64(), nullable=False),  # its place there; the partition is the message's own
        pa.field("stream", pa.string()),
        pa.field("reason", pa.string(), nullable=False),
        pa.field("rule", pa.string()),  # column, requirement or step
        pa.field("detail", pa.string(), nullable=False),
        pa.field("raw", pa.binary(), nullable=False),  # a record of its own; after ingestion the typed row as JSON
        pa.field("time", TIMESTAMP, nullable=False),  # Kafka timestamp of the record the stage read
        *(field.with_nullable(True) for field in IDENTITY),
    ]
)
"""The schema of the quarantine topic and table.

`_row` is 0 where a whole raw record was rejected; the identity is null where a whole internal message was.
"""

NOTHING_REJECTED = QUARANTINE_SCHEMA.empty_table()  # made once: pyarrow takes longer for it than for a step's real work
