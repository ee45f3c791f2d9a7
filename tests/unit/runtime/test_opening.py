"""Where a partition begins: the newest good snapshot, else the commit, else the start; never behind a gap."""

from __future__ import annotations

import pyarrow as pa
import pytest
from headrace.contract.errors import DataLoss, SnapshotError
from headrace.runtime import marks
from headrace.runtime.marks import Heard
from headrace.runtime.opening import Committed, Opening
from headrace.runtime.snapshots import Saved, Snapshots
from headrace.store.memory import MemoryStore
from headrace.wire.origin import OriginKey
from headrace.wire.position import Position
from unit.runtime.parts import BEHIND, ROUTES, WRITER, Passing

KNOWN = Passing().origins("in", 0)
MARKS = {WRITER: Heard(Position(3), BEHIND)}
COMMITTED = Committed(7, marks.encode(MARKS, KNOWN))


def opening(stage: Passing, store: MemoryStore, committed: Committed | None = None, *, log_start: int = 0) -> Opening:
    snapshots = Snapshots(store, stage.name, "in", "id", 0)
    return Opening(stage, stage.source, 0, ROUTES, snapshots, committed, log_start)


def save(store: MemoryStore, *offsets: int, plan: str = "plan") -> None:
    for offset in offsets:
        state = {"plan": pa.table({"name": [plan], "seen": [offset]})}
        Snapshots(store, "passing", "in", "id", 0).save(Saved(offset, MARKS, state))


def newest(store: MemoryStore) -> str:
    return max(entry.key for entry in store.list("snapshots/"))


def test_a_new_partition_begins_at_the_start_of_its_log() -> None:
    fold, keeps = opening(Passing(), MemoryStore(), log_start=4).open()
    assert (fold.position, dict(fold.marks), keeps) == (4, {}, False)


def test_a_stage_without_state_goes_on_at_its_commit_with_its_marks() -> None:
    fold, keeps = opening(Passing(), MemoryStore(), COMMITTED).open()
    assert (fold.position, dict(fold.marks), keeps) == (7, MARKS, False)


def test_a_raw_partition_goes_on_at_its_commit() -> None:
    fold, _ = opening(Passing(raw=True), MemoryStore(), Committed(7, "")).open()
    assert fold.position == 7


def test_a_stage_with_state_goes_on_at_its_newest_snapshot_whatever_was_committed() -> None:
    store = MemoryStore()
    save(store, 5, 9)
    stage = Passing(keeps=True)
    fold, keeps = opening(stage, store, Committed(5, "")).open()
    assert (fold.position, dict(fold.marks), keeps, stage.states[-1].seen) == (9, MARKS, True, 9)


def test_a_damaged_snapshot_is_passed_over() -> None:
    store = MemoryStore()
    save(store, 5, 9)
    store.put(newest(store), store.get(newest(store)).body[:-20])
    fold, _ = opening(Passing(keeps=True), store, Committed(9, "")).open()
    assert fold.position == 5


def test_a_snapshot_of_another_plan_is_passed_over() -> None:
    store = MemoryStore()
    save(store, 5)
    save(store, 9, plan="another")
    fold, _ = opening(Passing(keeps=True), store, Committed(9, "")).open()
    assert fold.position == 5


def test_without_a_good_snapshot_the_state_is_folded_from_the_start() -> None:
    store = MemoryStore()
    save(store, 9, plan="another")
    fold, keeps = opening(Passing(keeps=True), store, Committed(9, "")).open()
    assert (fold.position, keeps) == (0, True)


def test_state_that_was_lost_and_cannot_be_folded_again_is_data_loss() -> None:
    # Given a stage that has committed, no snapshot of it, and a log that has lost its beginning
    lost = opening(Passing(keeps=True), MemoryStore(), Committed(9, ""), log_start=3)
    # Then it says so, and does not begin in the middle
    with pytest.raises(DataLoss, match="no longer begins at 0 but at 3"):
        lost.open()


def test_a_snapshot_from_before_the_start_of_the_log_is_data_loss() -> None:
    store = MemoryStore()
    save(store, 5)
    with pytest.raises(DataLoss, match=r"in partition 0: offset 5 .* starts at 6"):
        opening(Passing(keeps=True), store, log_start=6).open()


def test_a_commit_from_before_the_start_of_the_log_is_data_loss() -> None:
    with pytest.raises(DataLoss, match="offset 7 was to be read next, but the log starts at 8"):
        opening(Passing(), MemoryStore(), COMMITTED, log_start=8).open()


@pytest.mark.parametrize(
    "metadata",
    ["", marks.encode({}, [OriginKey("before", "elsewhere", 0)])],
    ids=["no marks at all", "marks of another plan"],
)
def test_a_commit_whose_marks_do_not_fit_is_refused(metadata: str) -> None:
    with pytest.raises(SnapshotError):
        opening(Passing(), MemoryStore(), Committed(7, metadata)).open()
