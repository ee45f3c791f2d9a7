"""Checkpoints: a table's log up to one version as one Parquet object, so that to open a table stays cheap.

The files of the checkpoint before stay in Arrow; only what the commits since then say becomes Python objects.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from io import BytesIO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from headrace.contract.errors import NotFound, StoreRefused
from headrace.lake.actions import Action, parse_lines
from headrace.lake.log_files import checkpoint_key, commit_key, last_checkpoint, point_to_checkpoint
from headrace.store.object_store import ObjectStore

TOMBSTONE_DAYS = 7
"""How long a checkpoint remembers a removed file, so that vacuum finds it: the protocol's default."""

_DAY_MS = 86_400_000
_TEXTS = pa.map_(pa.string(), pa.string())
_ADD = pa.struct(
    [
        ("path", pa.string()),
        ("partitionValues", _TEXTS),
        ("size", pa.int64()),
        ("modificationTime", pa.int64()),
        ("dataChange", pa.bool_()),
        ("stats", pa.string()),
    ]
)
_REMOVE = pa.struct(
    [
        ("path", pa.string()),
        ("deletionTimestamp", pa.int64()),
        ("dataChange", pa.bool_()),
        ("extendedFileMetadata", pa.bool_()),
        ("partitionValues", _TEXTS),
        ("size", pa.int64()),
    ]
)
_METADATA = pa.struct(
    [
        ("id", pa.string()),
        ("name", pa.string()),
        ("description", pa.string()),
        ("format", pa.struct([("provider", pa.string()), ("options", _TEXTS)])),
        ("schemaString", pa.string()),
        ("partitionColumns", pa.list_(pa.string())),
        ("createdTime", pa.int64()),
        ("configuration", _TEXTS),
    ]
)
_PROTOCOL = pa.struct([("minReaderVersion", pa.int32()), ("minWriterVersion", pa.int32())])
_TXN = pa.struct([("appId", pa.string()), ("version", pa.int64()), ("lastUpdated", pa.int64())])
_KINDS = {"txn": _TXN, "add": _ADD, "remove": _REMOVE, "metaData": _METADATA, "protocol": _PROTOCOL}


@dataclass(slots=True)
class _Since:
    """What the commits after the last checkpoint come to: the newest action for each file, source and the table."""

    files: dict[str, tuple[str, Action]] = field(default_factory=dict)  # path -> (add | remove, action)
    txns: dict[str, Action] = field(default_factory=dict)
    single: dict[str, Action] = field(default_factory=dict)  # metaData, protocol

    def take(self, action: Action) -> None:
        for kind, said in action.items():
            if kind in ("add", "remove"):
                self.files[said["path"]] = kind, said | {"dataChange": False}
            elif kind == "txn":
                self.txns[said["appId"]] = said
            elif kind in ("metaData", "protocol"):
                self.single[kind] = said

    def of(self, kind: str) -> list[Action]:
        """The actions of one kind that stand."""
        if kind == "txn":
            return list(self.txns.values())
        if kind in self.single:
            return [self.single[kind]]
        return [said for which, said in self.files.values() if which == kind]


def write_checkpoint(store: ObjectStore, root: str, version: int, now_ms: int) -> None:
    """Write the checkpoint of a version that is in the log; `now_ms` is Unix time in milliseconds.

    It may be written twice, and by two at a time: it says the same. Raises StoreError; the table is as good as before.
    """
    base = last_checkpoint(store, root)
    if base is not None and base.version >= version:
        return
    since = _Since()
    for number in range(base.version + 1 if base else 0, version + 1):
        for action in _commit_actions(store, commit_key(root, number)):
            since.take(action)
    before = _read(store, base.keys) if base else {}
    standing = {kind: _stand(kind, before.get(kind), since) for kind in _KINDS}
    kept = pc.greater(_field(standing["remove"], "deletionTimestamp"), now_ms - TOMBSTONE_DAYS * _DAY_MS)
    standing["remove"] = standing["remove"].filter(kept)
    table = pa.concat_tables([pa.table({kind: found}) for kind, found in standing.items()], promote_options="default")
    store.put(checkpoint_key(root, version), _encode(table))
    point_to_checkpoint(store, root, version, table.num_rows)


def checkpoint_actions(store: ObjectStore, keys: Iterable[str], kinds: Iterable[str]) -> Iterator[Action]:
    """The actions of some kinds in a checkpoint."""
    for key in keys:
        for kind, column in _columns(store, key, list(kinds)):
            yield from ({kind: action} for action in column.to_pylist())


def _commit_actions(store: ObjectStore, key: str) -> Iterator[Action]:
    try:
        return parse_lines(store.get(key).body)
    except NotFound as error:
        raise StoreRefused(f"{key}: missing from the log; restore it or start a new table") from error


def _read(store: ObjectStore, keys: Iterable[str]) -> dict[str, pa.ChunkedArray]:
    parts: dict[str, list[pa.Array]] = {kind: [] for kind in _KINDS}
    for key in keys:
        for kind, column in _columns(store, key, list(_KINDS)):
            parts[kind] += column.cast(_KINDS[kind]).chunks  # other writers have more fields, which say nothing new
    return {kind: pa.chunked_array(chunks, _KINDS[kind]) for kind, chunks in parts.items()}


def _columns(store: ObjectStore, key: str, kinds: list[str]) -> Iterator[tuple[str, pa.ChunkedArray]]:
    # Not `read_table`: its threads may still hold the body when a command ends, and then abort it (docs/upstream).
    with pq.ParquetFile(pa.BufferReader(store.get(key).body), pre_buffer=False) as file:
        table = file.read(kinds, use_threads=False)
    for kind in table.column_names:
        yield kind, table.column(kind).drop_null()


def _stand(kind: str, before: pa.ChunkedArray | None, since: _Since) -> pa.ChunkedArray:
    """The actions of one kind from before that nothing since has replaced, then those since."""
    new = pa.array(since.of(kind), _KINDS[kind])
    if before is None:
        return pa.chunked_array([new])
    if kind in ("metaData", "protocol"):
        return pa.chunked_array([new]) if len(new) else before
    name, replaced = ("appId", since.txns) if kind == "txn" else ("path", since.files)
    gone = pc.is_in(_field(before, name), value_set=pa.array(list(replaced), pa.string()))
    return pa.chunked_array([*before.filter(pc.invert(gone)).chunks, new], _KINDS[kind])


def _field(structs: pa.ChunkedArray, name: str) -> pa.ChunkedArray:
    return pc.struct_field(structs, name)


def _encode(actions: pa.Table) -> bytes:
    sink = BytesIO()
    pq.write_table(actions, sink, compression="zstd", compression_level=1, store_schema=False)
    return sink.getvalue()
