"""What a table's log says now: version, transactions and columns, from the checkpoint and what follows it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from headrace.contract.errors import NotFound, StoreRefused
from headrace.lake.actions import Landed, Metadata, landed, parse_commit
from headrace.lake.checkpoint import checkpoint_actions
from headrace.lake.log_files import commit_key, last_checkpoint, log_key
from headrace.lake.schema import Column
from headrace.store.object_store import ObjectStore

_COMMIT = re.compile(r"(\d{20})\.json")


@dataclass(frozen=True, slots=True)
class TableState:
    """A table as of one version."""

    version: int
    txns: Mapping[str, int]  # app id -> version
    metadata: Metadata

    @property
    def columns(self) -> tuple[Column, ...]:
        """The table's columns, the partition column among them."""
        return self.metadata.columns

    def after(self, commit: Landed) -> TableState:
        """The state one version later."""
        return TableState(self.version + 1, {**self.txns, **commit.txns}, commit.metadata or self.metadata)


def read_commit(store: ObjectStore, root: str, version: int) -> Landed | None:
    """What the commit of this version says; None if there is no such commit."""
    key = commit_key(root, version)
    try:
        return parse_commit(store.get(key).body, key)
    except NotFound:
        return None


def read_state(store: ObjectStore, root: str) -> TableState | None:
    """The newest state of the table at `root`; None if there is no table. Raises StoreRefused for a log with a hole."""
    state = _from_checkpoint(store, root)
    for version in _versions_after(store, root, state.version if state else -1):
        expected = state.version + 1 if state else 0
        said = read_commit(store, root, version)
        if version == expected and said and state:
            state = state.after(said)
        elif version == expected and said and said.metadata:
            state = TableState(version, said.txns, said.metadata)
        else:
            raise StoreRefused(f"{commit_key(root, expected)}: missing from the log; restore it or start a new table")
    return state


def advance(store: ObjectStore, root: str, state: TableState) -> TableState:
    """The newest state, from a known one: reads only the commits that follow it."""
    while (said := read_commit(store, root, state.version + 1)) is not None:
        state = state.after(said)
    return state


def _versions_after(store: ObjectStore, root: str, version: int) -> Iterator[int]:
    home = log_key(root, "")
    for entry in store.list(home, start_after=commit_key(root, version) if version >= 0 else ""):
        if name := _COMMIT.fullmatch(entry.key.removeprefix(home)):
            yield int(name[1])


def _from_checkpoint(store: ObjectStore, root: str) -> TableState | None:
    found = last_checkpoint(store, root)
    if found is None:
        return None
    # Not the files: there may be many, and a writer needs none.
    said = landed(checkpoint_actions(store, found.keys, ("txn", "metaData", "protocol")), found.keys[0])
    if said.metadata is None:
        raise StoreRefused(
            f"{found.keys[0]}: the checkpoint holds no metaData; remove _last_checkpoint to read the log instead"
        )
    return TableState(found.version, said.txns, said.metadata)
