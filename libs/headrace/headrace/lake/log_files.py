"""Where the files of a table's log are, and which checkpoint is the last."""

from __future__ import annotations

import json
from dataclasses import dataclass

from headrace.contract.errors import NotFound
from headrace.store.object_store import ObjectStore


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The state of a table as of one version, in one or more Parquet objects."""

    version: int
    keys: tuple[str, ...]


def log_key(root: str, name: str) -> str:
    """The key of a file in the log of the table that lies at `root`."""
    return f"{root}/_delta_log/{name}"


def commit_key(root: str, version: int) -> str:
    """The key of the commit that makes `version`."""
    return log_key(root, f"{version:020d}.json")


def checkpoint_key(root: str, version: int) -> str:
    """The key of a checkpoint that is one object."""
    return log_key(root, f"{version:020d}.checkpoint.parquet")


def last_checkpoint(store: ObjectStore, root: str) -> Checkpoint | None:
    """The checkpoint that the log points to, if it points to one."""
    try:
        hint = json.loads(store.get(_hint_key(root)).body)
    except NotFound:
        return None
    version, parts = hint["version"], hint.get("parts")
    if parts is None:
        return Checkpoint(version, (checkpoint_key(root, version),))
    names = (f"{version:020d}.checkpoint.{part:010d}.{parts:010d}.parquet" for part in range(1, parts + 1))
    return Checkpoint(version, tuple(log_key(root, name) for name in names))


def point_to_checkpoint(store: ObjectStore, root: str, version: int, actions: int) -> None:
    """Let readers begin at the checkpoint of `version`, one object of so many actions.

    Two writers may do so at a time and the older one last: readers then begin there, and read a little more.
    """
    store.put(_hint_key(root), json.dumps({"version": version, "size": actions}).encode())


def _hint_key(root: str) -> str:
    return log_key(root, "_last_checkpoint")
