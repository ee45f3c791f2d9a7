"""The commit writer: one Delta commit carries the files and how far each source has come, and lands exactly once.

A commit is one conditional PUT of `<version>.json`, only if absent (Delta protocol: the log's one point of mutual
exclusion). Everything else is about what to believe when that PUT fails:

1. Before it, every source's recorded version must be what this writer expects; if not, somebody else owns the source.
2. Lost the race: read the winner. It carries our commit id: it was us after all (something on the way repeated the
   request). It moves one of our sources: Fenced. Otherwise try the next version.
3. Nobody knows: read the version back. Not there: try the SAME version again, so that a request still in flight can
   only collide with ours, never add a second copy. There: as in 2.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import pyarrow as pa

from headrace.contract.errors import Fenced, NotFound, OutcomeUnknown, PreconditionFailed, StoreError, StoreUnavailable
from headrace.lake.actions import AddFile, Landed, Metadata, append_lines, table_lines
from headrace.lake.checkpoint import write_checkpoint
from headrace.lake.log_files import commit_key
from headrace.lake.log_state import TableState, advance, read_commit, read_state
from headrace.lake.schema import columns_of, evolve
from headrace.store.object_store import ObjectStore

ABSENT = -1
"""What to expect of a source that the table has never heard of."""

ATTEMPTS = 6
FIRST_PAUSE = 0.1  # seconds before the second attempt at one version; doubles each time
MAX_VERSION = 2**63 - 1


def _new_id() -> str:
    return uuid.uuid4().hex


@dataclass(frozen=True, slots=True)
class Commit:
    """Files to append, where that brings each source, and where each must be now (ABSENT: never heard of).

    Its id is its identity: after OutcomeUnknown the same Commit can be given to `DeltaLog.commit` again and lands once.
    """

    adds: tuple[AddFile, ...]
    txns: Mapping[str, int]  # app id -> version after this commit, an int64
    expect: Mapping[str, int]  # app id -> version before it; must name every app id of `txns`
    id: str = field(default_factory=_new_id)

    def __post_init__(self) -> None:
        for app, version in self.txns.items():
            if not 0 <= version <= MAX_VERSION:
                raise ValueError(f"{app}: a version must be a non-negative int64, got {version}")
            if version < self.expect[app]:
                raise ValueError(f"{app}: a version must never go back, got {version} after {self.expect[app]}")


class DeltaLog:
    """The log of one table, for one thread at a time. `root` is the table's key prefix, without a closing slash."""

    def __init__(
        self,
        store: ObjectStore,
        root: str,
        *,
        clock: Callable[[], float] = time.time,  # Unix seconds
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self.store = store
        self.root = root
        self._clock = clock
        self._pause = pause
        self._state: TableState | None = None
        self._unsettled: str | None = None  # the id of a commit whose outcome nobody knows

    def refresh(self) -> TableState:
        """Read what the log says now.

        Raises NotFound if there is no table, OutcomeUnknown while a commit is unsettled, StoreRefused and
        StoreUnavailable.
        """
        self._settle_first(None)
        found = advance(self.store, self.root, self._state) if self._state else read_state(self.store, self.root)
        if found is None:
            raise NotFound(f"{self.root}: there is no table; create it with `ensure`")
        self._state = found
        return found

    def ensure(self, rows: pa.Schema, configuration: Mapping[str, str] | None = None) -> TableState:
        """Make the table fit for rows of this schema: create it, or add the columns that it lacks.

        `configuration` holds the table properties of a new table. Raises PlanError where the rows cannot fit,
        OutcomeUnknown while a commit is unsettled, StoreUnavailable and StoreRefused.
        """
        self._settle_first(None)
        wanted = columns_of(rows)
        failure: StoreError | None = None
        for attempt in range(ATTEMPTS):
            self._back_off(attempt if failure else 0)
            found = read_state(self.store, self.root)
            if found is None:
                version, table = 0, Metadata(_new_id(), wanted, configuration or {})
            else:
                columns = evolve(found.columns, wanted, self.root)
                if columns == found.columns:
                    self._state = found
                    return found
                version, table = found.version + 1, replace(found.metadata, columns=columns)
            try:
                self.store.put(
                    commit_key(self.root, version), table_lines(table, _new_id(), self._now_ms()), if_none_match=True
                )
            except (PreconditionFailed, OutcomeUnknown, StoreUnavailable) as error:
                failure = error  # whatever happened, what the log says next decides
        raise StoreUnavailable(f"{self.root}: the table could not be made ready in {ATTEMPTS} attempts") from failure

    def commit(self, commit: Commit) -> int:
        """Land the commit once and return its version.

        Raises Fenced (nothing of it landed, and its work must be dropped), OutcomeUnknown (give the same Commit again,
        or end the process and begin from what the table says), StoreUnavailable (nothing landed), StoreRefused and
        PlanError.
        """
        self._settle_first(commit)
        state = self._state or self.refresh()
        body = append_lines(commit.adds, commit.txns, commit.id, self._now_ms())
        while True:
            _check_expected(commit, state, self.root)
            said = self._try(commit, state.version + 1, body)
            if said.id != commit.id:
                _check_winner(commit, said, state, self.root)
            state = self._state = state.after(said)
            if said.id == commit.id:
                return state.version

    def checkpoint(self) -> None:
        """Write a checkpoint of what this log has read or written last, so that the table stays cheap to open.

        Raises StoreError; whatever it raises, the table is as good as before.
        """
        state = self._state or self.refresh()
        write_checkpoint(self.store, self.root, state.version, self._now_ms())

    def _try(self, commit: Commit, version: int, body: bytes) -> Landed:
        """Put the commit as this version until it is decided who has it; what landed there, ours or another's."""
        doubt: StoreError | None = None  # why a request of ours may have landed, or may yet
        if self._unsettled == commit.id:
            doubt = OutcomeUnknown("an earlier call left it unsettled")
        for attempt in range(ATTEMPTS):
            self._back_off(attempt)
            self._unsettled = commit.id
            try:
                self.store.put(commit_key(self.root, version), body, if_none_match=True)
                said: Landed | None = Landed(commit.id, commit.txns)
            except (PreconditionFailed, OutcomeUnknown) as error:
                doubt = error
                said = self._read_back(version, doubt)
            except StoreUnavailable as error:
                failure = error
                said = None
            if said is not None:
                self._unsettled = None
                return said
        tried = f"{self.root}: commit {commit.id} did not land in {ATTEMPTS} attempts"
        if doubt is not None:
            raise OutcomeUnknown(f"{tried}, and one of them may yet: {doubt}") from doubt
        self._unsettled = None
        raise StoreUnavailable(f"{tried}; nothing was written") from failure

    def _read_back(self, version: int, doubt: StoreError) -> Landed | None:
        try:
            return read_commit(self.store, self.root, version)
        except StoreUnavailable as error:
            raise OutcomeUnknown(f"{doubt}; reading it back failed too: {error}") from error

    def _settle_first(self, commit: Commit | None) -> None:
        if self._unsettled is not None and (commit is None or commit.id != self._unsettled):
            raise OutcomeUnknown(f"{self.root}: commit {self._unsettled} is unsettled; give it to `commit` again first")

    def _back_off(self, attempt: int) -> None:
        if attempt:
            self._pause(FIRST_PAUSE * 2 ** (attempt - 1))

    def _now_ms(self) -> int:
        return int(self._clock() * 1000)


def _check_expected(commit: Commit, state: TableState, root: str) -> None:
    for app, expected in commit.expect.items():
        found = state.txns.get(app, ABSENT)
        if found != expected:
            raise Fenced(f"{root}: {app} is at {found}, this writer left it at {expected}; somebody else owns it now")


def _check_winner(commit: Commit, winner: Landed, state: TableState, root: str) -> None:
    taken = (commit.txns.keys() | commit.expect.keys()) & winner.txns.keys()
    if taken:
        raise Fenced(f"{root}: somebody else committed {', '.join(sorted(taken))} in version {state.version + 1}")
    if winner.metadata is not None:
        evolve(winner.metadata.columns, state.columns, f"{root}, changed in version {state.version + 1}")
