"""Snapshots are a cache: a bad one is passed over, never believed."""

from __future__ import annotations

import pyarrow as pa
import pytest
from headrace.contract.errors import SnapshotError
from headrace.runtime.marks import Heard
from headrace.runtime.snapshots import Saved, Snapshots, decode, encode
from headrace.store.memory import MemoryStore
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
