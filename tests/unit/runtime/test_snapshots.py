"""Snapshots are a cache: a bad one is passed over, never believed."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest
from headrace.contract.errors import NewerState, SnapshotError
from headrace.runtime.marks import Heard
from headrace.runtime.snapshot_cache import SnapshotCache
from headrace.runtime.snapshots import Saved, Snapshots, decode, encode
from headrace.store.memory import MemoryStore
from headrace.store.object_store import Object
from headrace.wire.headers import Progress
from headrace.wire.origin import OriginKey
from headrace.wire.position import Position

MARKS = {OriginKey("cleaning", "t", 1): Heard(Position(4, 2), Progress(9, behind=True))}
STATE = {"a": pa.table({"x": [1, 2, None]}), "b": pa.table({"y": ["é", ""]})}


def saved(offset: int) -> Saved:
    return Saved(offset, MARKS, STATE)


def test_a_snapshot_says_what_was_saved() -> None:
    assert decode(encode(saved(7))) == saved(7)


@pytest.mark.parametrize("cut", [0, 1, 100, -1])
def test_a_snapshot_cut_short_is_refused(cut: int) -> None:
    with pytest.raises(SnapshotError):
        decode(encode(saved(7))[:cut])


def test_a_flipped_bit_is_refused_or_harmless() -> None:
    body = encode(saved(7))
    for place in range(0, len(body), 37):
        damaged = bytearray(body)
        damaged[place] ^= 0x10
        try:
            found = decode(bytes(damaged))
        except SnapshotError:
            continue
        assert found == saved(7), f"byte {place}"


def test_the_newest_comes_first_and_only_three_are_kept() -> None:
    # Given five snapshots of one partition, saved over time
    snapshots = Snapshots(MemoryStore(), "features", "t", "id", 0)
    for offset in (9, 10, 100, 1000, 10_000):
        snapshots.save(saved(offset))
    # When they are read
    found = [each.offset for each in snapshots.newest_first() if isinstance(each, Saved)]
    # Then the newest is first and the oldest two are gone
    assert found == [10_000, 1000, 100]


def test_a_damaged_snapshot_stands_in_its_place_as_an_error() -> None:
    # Given a newest snapshot that was damaged in the store
    store = MemoryStore()
    snapshots = Snapshots(store, "features", "t", "id", 0)
    snapshots.save(saved(1))
    snapshots.save(saved(2))
    newest = max(entry.key for entry in store.list("snapshots/"))
    store.put(newest, b"garbage")
    # When snapshots are read
    first, second = snapshots.newest_first()
    # Then the damaged one is reported with its name, and the one before it is whole
    assert isinstance(first, SnapshotError)
    assert newest in str(first)
    assert second == saved(1)


def test_a_recreated_topic_does_not_see_the_snapshots_of_the_old_one() -> None:
    store = MemoryStore()
    Snapshots(store, "features", "t", "old", 0).save(saved(5))
    assert list(Snapshots(store, "features", "t", "new", 0).newest_first()) == []


def test_a_newer_version_s_snapshot_is_refused_and_not_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    # Given a snapshot of this version, and one that a newer version has written after it
    store = MemoryStore()
    snapshots = Snapshots(store, "features", "t", "id", 0)
    snapshots.save(saved(1))
    monkeypatch.setattr("headrace.runtime.snapshots._FORMAT", 2)
    snapshots.save(saved(2))
    monkeypatch.undo()
    # When this version comes back, then it says what to do, and does not go on from the older one
    with pytest.raises(NewerState, match="deploy that version again"):
        list(snapshots.newest_first())


def test_a_copy_on_disk_saves_the_way_to_the_store(tmp_path: Path) -> None:
    # Given a snapshot that was saved on this machine
    store = Unreadable()
    cache = SnapshotCache(tmp_path)
    Snapshots(store, "features", "t", "id", 0, cache).save(saved(7))
    # When the store would give no object, then the copy does
    assert list(Snapshots(store, "features", "t", "id", 0, cache).newest_first()) == [saved(7)]


def test_a_copy_that_is_damaged_or_old_is_not_taken(tmp_path: Path) -> None:
    # Given a newer snapshot, of another machine, and a copy that was damaged
    store, cache = MemoryStore(), SnapshotCache(tmp_path)
    Snapshots(store, "features", "t", "id", 0, cache).save(saved(7))
    Snapshots(store, "features", "t", "id", 0).save(saved(8))
    (copy,) = [file for file in tmp_path.rglob("*") if file.is_file()]
    copy.write_bytes(b"garbage")
    # When they are read, then all come from the store
    assert list(Snapshots(store, "features", "t", "id", 0, cache).newest_first()) == [saved(8), saved(7)]


def test_a_disk_that_fails_costs_nothing_but_the_way(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    # Given a cache folder that is none
    (tmp_path / "file").write_text("")
    store, cache = MemoryStore(), SnapshotCache(tmp_path / "file")
    # When snapshots are saved and read, then the store serves, and the log says what is wrong
    snapshots = Snapshots(store, "features", "t", "id", 0, cache)
    snapshots.save(saved(7))
    assert list(snapshots.newest_first()) == [saved(7)]
    assert "the state cache is of no use" in caplog.text


class Unreadable(MemoryStore):
    """Takes objects and lists them, but gives none."""

    def get(self, key: str) -> Object:
        raise AssertionError(f"{key} was to be read")
