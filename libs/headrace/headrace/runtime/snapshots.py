"""State snapshots in the object store: a cache of a fold over the log, so a bad one only costs time.

Key: `snapshots/<stage>/<topic>/<topic id>/<partition>/<offset, 20 digits>.arrow`. The topic's id keeps a recreated
topic from taking up the state of the old one. The object is one Arrow stream of (name, body, sha256): a header as
JSON, then each table of the state as an Arrow stream of its own.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import pyarrow as pa

from headrace.contract.errors import NewerState, NotFound, SnapshotError
from headrace.runtime.marks import Heard
from headrace.runtime.snapshot_cache import SnapshotCache
from headrace.runtime.stage import Snapshot
from headrace.store.object_store import ObjectStore
from headrace.wire.headers import Progress
from headrace.wire.origin import OriginKey
from headrace.wire.position import Position

_FORMAT = 1
_KEEP = 3
_HEADER = "header"
_SCHEMA = pa.schema([("name", pa.string()), ("body", pa.large_binary()), ("sha256", pa.binary(32))])


@dataclass(frozen=True, slots=True)
class Saved:
    """A state as of `offset`: everything below it was applied."""

    offset: int
    marks: Mapping[OriginKey, Heard]
    state: Snapshot


class Snapshots:
    """The snapshots of one input partition; `cache` has copies of those that were written or read here."""

    def __init__(
        self,
        store: ObjectStore,
        stage: str,
        topic: str,
        topic_id: str,
        partition: int,
        cache: SnapshotCache | None = None,
    ) -> None:
        self._store = store
        self._cache = cache or SnapshotCache(None)
        self._prefix = f"snapshots/{stage}/{topic}/{topic_id}/{partition}/"

    def save(self, saved: Saved) -> None:
        """Write a snapshot and remove all but the newest three; raises StoreError when it may not be there."""
        body = encode(saved)
        self._store.put(self._key(saved.offset), body)
        self._cache.put(self._key(saved.offset), body)
        for key in sorted(entry.key for entry in self._store.list(self._prefix))[:-_KEEP]:
            self._store.delete(key)

    def newest_first(self) -> Iterator[Saved | SnapshotError]:
        """Every snapshot from the newest on; in the place of one that cannot be read, why.

        Raises StoreError, NewerState. Which ones there are is the store's word; a copy on this disk saves the way.
        """
        for key in sorted((entry.key for entry in self._store.list(self._prefix)), reverse=True):
            if (copy := self._copy(key)) is not None:
                yield copy
                continue
            try:
                body = self._store.get(key).body
                saved = decode(body)
                self._cache.put(key, body)
                yield saved
            except SnapshotError as error:
                yield SnapshotError(f"{key}: {error}")
            except NewerState as error:
                raise NewerState(f"{key}: {error}") from error
            except NotFound:
                continue  # its writer has just removed it: newer ones exist

    def _copy(self, key: str) -> Saved | None:
        body = self._cache.get(key)
        try:
            return None if body is None else decode(body)
        except (SnapshotError, NewerState):
            return None  # the store's own may be better

    def _key(self, offset: int) -> str:
        return f"{self._prefix}{offset:020d}.arrow"


def encode(saved: Saved) -> bytes:
    """The bytes of a snapshot."""
    header = {
        "format": _FORMAT,
        "offset": saved.offset,
        "marks": [
            [key.stage, key.topic, key.partition, heard.position.pack(), heard.progress.time, heard.progress.behind]
            for key, heard in sorted(saved.marks.items())
        ],
    }
    bodies = {_HEADER: json.dumps(header).encode()} | {name: _stream(table) for name, table in saved.state.items()}
    rows = pa.table(
        [list(bodies), list(bodies.values()), [hashlib.sha256(body).digest() for body in bodies.values()]],
        schema=_SCHEMA,
    )
    return _stream(rows)


def decode(body: bytes) -> Saved:
    """The inverse of `encode`.

    Raises SnapshotError for bytes that are damaged or cut short, NewerState for those of a newer version.
    """
    try:
        rows = pa.ipc.open_stream(body).read_all()
        if rows.schema != _SCHEMA:
            raise SnapshotError("not a snapshot of this version of Headrace")
        bodies = {row["name"]: _checked(row) for row in rows.to_pylist()}
        header = json.loads(bodies.pop(_HEADER))
        if header["format"] > _FORMAT:
            raise NewerState(
                f"a newer Headrace wrote it (format {header['format']}, this one reads {_FORMAT}): deploy that version"
                " again; or remove the snapshots of this service, and its state is folded from the log's start"
            )
        marks = {
            OriginKey(stage, topic, partition): Heard(Position.unpack(packed), Progress(time, behind))
            for stage, topic, partition, packed, time, behind in header["marks"]
        }
        state = {name: pa.ipc.open_stream(table).read_all() for name, table in bodies.items()}
    except (pa.ArrowException, OSError, ValueError, KeyError, TypeError) as error:
        raise SnapshotError(f"it is damaged: {error}") from error
    return Saved(header["offset"], marks, state)


def _checked(row: Mapping[str, object]) -> bytes:
    body = row["body"]
    if not isinstance(body, bytes) or hashlib.sha256(body).digest() != row["sha256"]:
        raise SnapshotError(f"the part {row['name']!r} does not match its checksum")
    return body


def _stream(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema, options=pa.ipc.IpcWriteOptions(compression="lz4")) as writer:
        writer.write_table(table)
    body: bytes = sink.getvalue().to_pybytes()
    return body
