"""Marks beside a committed offset."""

from __future__ import annotations

import pytest
from headrace.contract.errors import PlanError, SnapshotError
from headrace.runtime.marks import METADATA_LIMIT, Heard, check_room, decode, encode
from headrace.wire.headers import Progress
from headrace.wire.origin import OriginKey
from headrace.wire.position import Position

KNOWN = [OriginKey("cleaning", f"default.flights.ingested.{name}", n) for name in ("b", "a") for n in range(3)]


def test_marks_survive_the_text() -> None:
    marks = {
        KNOWN[0]: Heard(Position(2**38, 7), Progress(1_357_000_000_000_000, behind=True)),
        KNOWN[4]: Heard(Position(0), Progress(None, behind=False)),
        KNOWN[5]: Heard(Position(5), Progress(-3, behind=True)),
    }
    assert decode(encode(marks, KNOWN), KNOWN) == marks


def test_the_order_of_the_known_origins_does_not_matter() -> None:
    marks = {KNOWN[1]: Heard(Position(9), Progress(1, behind=True))}
    assert decode(encode(marks, KNOWN), KNOWN[::-1]) == marks


@pytest.mark.parametrize("text", ["", "hello", "2 00000000", "1", "1 0badf00d"])
def test_a_text_of_somebody_else_is_refused(text: str) -> None:
    with pytest.raises(SnapshotError):
        decode(text, KNOWN)


def test_damaged_entries_are_refused() -> None:
    head = encode({}, KNOWN)
    for entry in ("0:0:0", "9:0:0:b", "0:x:0:b", "0:0:0:z", "0:-1:0:b"):
        with pytest.raises(SnapshotError, match="damaged"):
            decode(f"{head} {entry}", KNOWN)


def test_more_origins_than_a_commit_can_hold_are_refused_at_the_start() -> None:
    many = [OriginKey("cleaning", "t", n) for n in range(200)]
    with pytest.raises(PlanError, match="fewer partitions"):
        check_room(many)


def test_what_passes_the_check_fits_at_its_longest() -> None:
    many = [OriginKey("cleaning", "t", n) for n in range(84)]
    check_room(many)
    longest = Heard(Position(2**39 - 1, 2**24 - 1), Progress(-(2**63), behind=True))
    assert len(encode(dict.fromkeys(many, longest), many)) <= METADATA_LIMIT
