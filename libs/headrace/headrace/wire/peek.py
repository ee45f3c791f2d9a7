"""What an Arrow IPC stream claims about itself, read without decoding a single buffer.

Format: https://arrow.apache.org/docs/format/Columnar.html#ipc-streaming-format, tables from Message.fbs and Schema.fbs.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from headrace.contract.errors import BadMessage
from headrace.wire.flatbuffer import Table
from headrace.wire.limits import MIB, Limits

_CONTINUATION = 0xFFFFFFFF
_METADATA_LIMIT = MIB
_DEPTH_LIMIT = 8
# Earlier versions can name a compression in custom metadata, where this reader does not look and Arrow does.
_VERSION_5 = 4
_SCHEMA, _BATCH = 1, 3
_CODECS = (0, 1)  # lz4 frame, zstd
_BUFFERS_PER_FIELD = 4


@dataclass(frozen=True, slots=True)
class Claims:
    """A stream whose claims are all within the limits: its rows, and where its schema message ends."""

    rows: int
    schema_end: int


@dataclass(frozen=True, slots=True)
class _Frame:
    kind: int
    header: Table
    metadata: bytes
    body: memoryview
    end: int


def peek(value: bytes, limits: Limits) -> Claims:
    """The claims of `value`, exactly one whole IPC stream; raises BadMessage when a claim is malformed or too large."""
    frames = _frames(value)
    schema = next(frames, None)
    if schema is None or schema.kind != _SCHEMA:
        raise BadMessage("bad_frame", "the stream does not begin with a schema")
    _check_schema(schema, limits)
    rows = decoded = 0
    for number, frame in enumerate(frames, start=1):
        if number > limits.batches:
            raise BadMessage("too_many_batches", f"more than {limits.batches} batches")
        rows += _rows(frame, limits)
        if rows > limits.rows:
            raise _too_many_rows(rows, limits)
        decoded += _decoded_bytes(frame, limits)
        if decoded > limits.decoded_bytes:
            raise BadMessage("too_large", f"{decoded} bytes decoded, at most {limits.decoded_bytes} are allowed")
    return Claims(rows, schema.end)


def _frames(value: bytes) -> Iterator[_Frame]:
    view, at = memoryview(value), 0
    while True:
        if len(value) - at < 8:
            raise BadMessage("bad_frame", f"{len(value)} bytes end without the end-of-stream mark")
        mark, size = struct.unpack_from("<Ii", value, at)
        at += 8
        if mark != _CONTINUATION or size % 8 or not 0 <= size <= len(value) - at:
            raise BadMessage("bad_frame", f"no whole Arrow IPC message at byte {at - 8}")
        if size > _METADATA_LIMIT:
            raise BadMessage("too_large", f"{size} bytes of metadata, at most {_METADATA_LIMIT} are allowed")
        if size == 0:
            break
        metadata = value[at : at + size]
        at += size
        message = Table.root(metadata)
        version, body = message.number(0, "h"), message.number(3, "q")
        if version != _VERSION_5:
            raise BadMessage("bad_frame", f"metadata version V{version + 1}, expected V5")
        if body % 8 or not 0 <= body <= len(value) - at:
            raise BadMessage("bad_frame", f"a body of {body} bytes at byte {at} of {len(value)}")
        header = message.table(2)
        if header is None:
            raise BadMessage("bad_frame", f"a message without a header before byte {at}")
        yield _Frame(message.number(1, "B"), header, metadata, view[at : at + body], at + body)
        at += body
    if at != len(value):
        raise BadMessage("bad_frame", f"{len(value) - at} bytes after the end of the stream")


def _check_schema(frame: _Frame, limits: Limits) -> None:
    if len(frame.body):
        raise BadMessage("bad_frame", "a schema with a body")
    if frame.header.number(0, "h") != 0:
        raise BadMessage("bad_schema", "big-endian data, expected little-endian")
    if b"ARROW:extension:name" in frame.metadata:
        raise BadMessage("bad_schema", "an extension type, expected plain columns")
    seen, level = 0, frame.header.tables(1, limits.columns)
    for _ in range(_DEPTH_LIMIT):
        seen += len(level)
        below: list[Table] = []
        for field in level:  # fields may share their children, so the count must hold at every step
            below += field.tables(5, limits.columns - seen - len(below))
        level = below
        if not level:
            return
    raise BadMessage("bad_schema", f"fields nested deeper than {_DEPTH_LIMIT}")


def _rows(frame: _Frame, limits: Limits) -> int:
    """How many rows a batch claims; its columns' own counts must be possible too."""
    if frame.kind != _BATCH:
        # Dictionaries are not part of the contract: no column type has one.
        raise BadMessage("bad_frame", f"a message of kind {frame.kind} after the schema, expected record batches only")
    rows = frame.header.number(0, "q")
    if not 0 <= rows <= limits.rows:
        raise _too_many_rows(rows, limits)
    nodes = _pairs(frame, 1, limits.columns)
    lengths, nulls = nodes[:, 0], nodes[:, 1]
    if bool(np.any((lengths < 0) | (lengths > limits.decoded_bytes) | (nulls < -1) | (nulls > lengths))):
        raise BadMessage("bad_metadata", "a column with an impossible count of values or nulls")
    return rows


def _decoded_bytes(frame: _Frame, limits: Limits) -> int:
    """The size of a batch's buffers after decompression; a buffer referred to twice counts twice."""
    buffers = _pairs(frame, 2, _BUFFERS_PER_FIELD * limits.columns)
    buffers = buffers[buffers[:, 1] != 0]
    offsets, lengths = buffers[:, 0], buffers[:, 1]
    size = len(frame.body)
    if bool(np.any((offsets < 0) | (offsets > size) | (lengths < 0) | (lengths > size - offsets))):
        raise BadMessage("bad_metadata", f"a buffer outside the body of {size} bytes")
    if bool(np.any(offsets % 8)):
        raise BadMessage("bad_metadata", "a buffer that is not aligned to 8 bytes")
    compression = frame.header.table(3)
    if compression is None:
        return int(lengths.sum())
    if not limits.allow_compressed:
        raise BadMessage("compressed", "compressed buffers, expected plain ones (turn compression off in the writer)")
    if compression.number(0, "b") not in _CODECS or compression.number(1, "b") != 0:
        raise BadMessage("bad_metadata", "an unknown compression, expected lz4 or zstd buffers")
    if bool(np.any(lengths < 8)):
        raise BadMessage("bad_metadata", "a compressed buffer without room for its size")
    if not len(lengths):
        return 0
    # In front of each compressed buffer stands its decoded size, or -1 when it is not compressed after all.
    declared = np.frombuffer(frame.body, dtype="<i8", count=size // 8)[offsets // 8]
    if bool(np.any(declared < -1)):
        raise BadMessage("bad_metadata", "a compressed buffer of negative size")
    return sum(np.where(declared == -1, lengths - 8, declared).tolist())  # Python's integers cannot overflow


def _pairs(frame: _Frame, slot: int, limit: int) -> npt.NDArray[np.int64]:
    """A batch's vector of structs of two int64 (FieldNode, Buffer) as an array of two columns."""
    start, count = frame.header.vector(slot, 16)
    if count > limit:
        raise BadMessage("too_many_columns", f"{count} column parts in one batch, at most {limit} are allowed")
    return np.frombuffer(frame.metadata, dtype="<i8", count=2 * count, offset=start).reshape(-1, 2)


def _too_many_rows(rows: int, limits: Limits) -> BadMessage:
    return BadMessage("too_many_rows", f"{rows} rows, at most {limits.rows} are allowed")
