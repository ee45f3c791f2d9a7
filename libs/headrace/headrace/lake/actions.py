"""The lines of a Delta commit file: built, and read back (Delta protocol, reader version 1, writer version 2)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from headrace.contract.errors import StoreRefused
from headrace.lake.schema import DATE, Column, parse_schema, schema_string

READER_VERSION = 1
WRITER_VERSION = 2

Action = dict[str, Any]  # one line of JSON: whatever some writer put there


@dataclass(frozen=True, slots=True)
class AddFile:
    """One Parquet object that a commit adds: path below the table, event date (ISO), bytes, rows, statistics (JSON)."""

    path: str
    date: str | None
    size: int
    rows: int
    stats: str


@dataclass(frozen=True, slots=True)
class Metadata:
    """A table's own id, columns and properties."""

    table_id: str
    columns: tuple[Column, ...]
    configuration: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Landed:
    """What a commit that is in the log says, as far as a writer needs to know."""

    id: str | None = None  # of a commit that Headrace wrote
    txns: Mapping[str, int] = field(default_factory=dict)
    metadata: Metadata | None = None  # where it changes the table's


def append_lines(adds: Iterable[AddFile], txns: Mapping[str, int], commit_id: str, now_ms: int) -> bytes:
    """A commit that appends files and moves transaction versions; `now_ms` is Unix time in milliseconds."""
    info = _commit_info("WRITE", {"mode": "Append", "partitionBy": json.dumps([DATE])}, commit_id, now_ms)
    moves = [{"txn": {"appId": app, "version": version, "lastUpdated": now_ms}} for app, version in txns.items()]
    return _lines([info, *moves, *(_add(file, now_ms) for file in adds)])


def table_lines(table: Metadata, commit_id: str, now_ms: int) -> bytes:
    """The first commit of a table, or one that changes its columns: protocol and metadata."""
    protocol = {"protocol": {"minReaderVersion": READER_VERSION, "minWriterVersion": WRITER_VERSION}}
    metadata = {
        "metaData": {
            "id": table.table_id,
            "format": {"provider": "parquet", "options": {}},
            "schemaString": schema_string(table.columns),
            "partitionColumns": [DATE],
            "createdTime": now_ms,
            "configuration": dict(table.configuration),
        }
    }
    return _lines([_commit_info("SET SCHEMA", {}, commit_id, now_ms), protocol, metadata])


def parse_lines(body: bytes) -> Iterator[Action]:
    """The actions of a commit file."""
    return (json.loads(line) for line in body.splitlines() if line.strip())


def parse_commit(body: bytes, where: str) -> Landed:
    """What a commit file says. Raises StoreRefused, naming `where`, if the table needs more than we can write."""
    return landed(parse_lines(body), where)


def landed(actions: Iterable[Action], where: str) -> Landed:
    """The sum of some actions, whoever wrote them. Raises StoreRefused as `parse_commit` does."""
    commit_id, metadata = None, None
    txns: dict[str, int] = {}
    for action in actions:
        if said := action.get("commitInfo"):
            commit_id = said.get("headraceCommit")
        if said := action.get("txn"):
            txns[said["appId"]] = said["version"]
        if said := action.get("metaData"):
            # A checkpoint's map columns come as pairs, a commit file's as an object: dict() takes both.
            configuration = dict(said.get("configuration") or {})
            metadata = Metadata(said["id"], parse_schema(said["schemaString"]), configuration)
        if said := action.get("protocol"):
            _check_protocol(said, where)
    return Landed(commit_id, txns, metadata)


def _check_protocol(protocol: Action, where: str) -> None:
    reader, writer = protocol["minReaderVersion"], protocol["minWriterVersion"]
    if reader > READER_VERSION or writer > WRITER_VERSION:
        raise StoreRefused(
            f"{where}: the table asks for Delta protocol {reader}/{writer}, Headrace writes "
            f"{READER_VERSION}/{WRITER_VERSION}; undo the upgrade or write to a new table"
        )


def _add(file: AddFile, now_ms: int) -> Action:
    return {
        "add": {
            "path": quote(file.path, safe="/="),
            "partitionValues": {DATE: file.date},
            "size": file.size,
            "modificationTime": now_ms,
            "dataChange": True,
            "stats": file.stats,
        }
    }


def _commit_info(operation: str, parameters: Mapping[str, str], commit_id: str, now_ms: int) -> Action:
    return {
        "commitInfo": {
            "timestamp": now_ms,
            "operation": operation,
            "operationParameters": dict(parameters),
            "engineInfo": "headrace",
            "headraceCommit": commit_id,
        }
    }


def _lines(actions: Iterable[Action]) -> bytes:
    return "".join(json.dumps(action, separators=(",", ":")) + "\n" for action in actions).encode()
