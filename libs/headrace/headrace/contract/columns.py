"""The column types a pipeline file can name, and the Arrow types they stand for."""

from __future__ import annotations

from enum import StrEnum

import pyarrow as pa


class ColumnType(StrEnum):
    """A type as the pipeline file writes it. A timestamp is in microseconds, UTC."""

    STRING = "string"
    BOOL = "bool"
    INT8 = "int8"
    INT16 = "int16"
    INT32 = "int32"
    INT64 = "int64"
    FLOAT32 = "float32"
    FLOAT64 = "float64"
    TIMESTAMP = "timestamp"
    BINARY = "binary"

    @property
    def arrow(self) -> pa.DataType:
        """The Arrow type that rows of this column have in every message and table."""
        return _ARROW[self]

    @property
    def is_number(self) -> bool:
        """Whether a column of this type can be aggregated and fed to a model."""
        return self not in (ColumnType.STRING, ColumnType.TIMESTAMP, ColumnType.BINARY)


TIMESTAMP = pa.timestamp("us", tz="UTC")

_ARROW: dict[ColumnType, pa.DataType] = {
    ColumnType.STRING: pa.string(),
    ColumnType.BOOL: pa.bool_(),
    ColumnType.INT8: pa.int8(),
    ColumnType.INT16: pa.int16(),
    ColumnType.INT32: pa.int32(),
    ColumnType.INT64: pa.int64(),
    ColumnType.FLOAT32: pa.float32(),
    ColumnType.FLOAT64: pa.float64(),
    ColumnType.TIMESTAMP: TIMESTAMP,
    ColumnType.BINARY: pa.binary(),
}
