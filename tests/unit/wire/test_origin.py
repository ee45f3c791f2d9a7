"""Where rows came from: exact to the row, in one line of text, enough to recognise and trim a replay."""

import random

import numpy as np
import pytest
from headrace.contract.errors import BadMessage
from headrace.wire import origin as origins
from headrace.wire.origin import Origin, OriginKey, drop_seen, from_offsets, is_replay, split
from headrace.wire.position import START, Position

KEY = OriginKey("cleaning", "default.flights.ingested.departures", 3)


def random_origin(rng: random.Random) -> tuple[Origin, list[Position]]:
    """A message cut anywhere out of a random output, and the place that each of its rows leaves the reader at least."""
    caused = [rng.choice([0, 0, 1, 1, 1, 3, 7]) for _ in range(rng.randint(1, 9))]
    base = rng.choice([0, 41])
    rows = [Position(base + i, row) for i, count in enumerate(caused) for row in range(count)]
    cuts = sorted([*rows, *(Position(base + i) for i in range(len(caused) + 1))])
    first, following = sorted(rng.choices(cuts, k=2))
    inside = [row for row in rows if first <= row < following]
    caused_by = np.array([row.offset for row in inside], dtype=np.int64)
    return from_offsets(KEY, first, following, caused_by), inside


def test_a_position_packs_into_an_int64_that_sorts_the_same_way() -> None:
    places = [START, Position(0, 1), Position(0, 2**24 - 1), Position(1), Position(2**39 - 1, 2**24 - 1)]

    assert [Position.unpack(place.pack()) for place in places] == places
    assert sorted(place.pack() for place in places) == [place.pack() for place in places]
    assert places[-1].pack() == 2**63 - 1


@pytest.mark.parametrize("text", ["0", "123", "123.45"])
def test_a_position_reads_back_from_its_text(text: str) -> None:
    assert str(Position.parse(text)) == text


@pytest.mark.parametrize("text", ["", "-1", "01", "1.0", "1.", ".1", "1.2.3", " 1", "1\n", "٣", "1.16777216", "9" * 12])
def test_a_position_has_one_spelling_and_bounds(text: str) -> None:
    with pytest.raises(ValueError, match=r"position|outside"):
        Position.parse(text)


@pytest.mark.parametrize(("offset", "row"), [(-1, 0), (0, -1), (2**39, 0), (0, 2**24)])
def test_a_position_outside_its_bounds_is_refused(offset: int, row: int) -> None:
    with pytest.raises(ValueError, match="outside"):
        Position(offset, row)


def test_runs_are_counted_per_input_offset_with_silent_stretches_between() -> None:
    # Given rows caused by offsets 10, 13, 14 (twice) of the range 10..17
    origin = from_offsets(KEY, Position(10), Position(17), np.array([10, 13, 14, 14]))

    assert origin.runs == ((1, 1), (0, 2), (1, 1), (2, 1), (0, 2))
    assert str(origin) == "cleaning default.flights.ingested.departures 3 10 17 1,0x2,1,2,0x2"


def test_a_quiet_range_and_a_progress_only_message_have_no_rows() -> None:
    none = np.array([], dtype=np.int64)

    assert from_offsets(KEY, Position(10), Position(17), none).runs == ((0, 7),)
    only_progress = from_offsets(KEY, Position(10, 4), Position(10, 4), none)
    assert only_progress.progress_only
    assert str(only_progress).endswith(" 10.4 10.4 -")


def test_a_range_of_billions_of_silent_offsets_costs_nothing() -> None:
    origin = from_offsets(KEY, START, Position(2**38), np.array([2**37]))

    assert origin.runs == ((0, 2**37), (1, 1), (0, 2**37 - 1))


@pytest.mark.parametrize("caused_by", [[9], [17], [12, 11]])
def test_rows_outside_the_range_or_out_of_order_are_a_fault(caused_by: list[int]) -> None:
    with pytest.raises(ValueError, match="not in order"):
        from_offsets(KEY, Position(10), Position(17), np.array(caused_by))


@pytest.mark.parametrize("seed", range(300))
def test_any_message_reads_back_and_is_trimmed_exactly_at_any_mark(seed: int) -> None:
    rng = random.Random(seed)
    origin, rows = random_origin(rng)

    assert origins.parse(str(origin)) == origin
    assert origin.rows == len(rows)
    marks = [*rows, origin.first, origin.next, Position(origin.next.offset + 1), START]
    for mark in marks:
        assert drop_seen(origin, mark) == sum(row < mark for row in rows)
    assert is_replay(origin, origin.next) is not origin.progress_only
    assert is_replay(origin, Position(origin.next.offset, origin.next.row + 1))
    assert not is_replay(origin, START) or origin.next == START


@pytest.mark.parametrize("seed", range(300))
def test_a_message_split_anywhere_leaves_no_gap_and_no_overlap(seed: int) -> None:
    origin, rows = random_origin(random.Random(seed))

    for cut in range(1, len(rows)):
        head, tail = split(origin, cut)
        assert (head.first, head.next, tail.next) == (origin.first, tail.first, origin.next)
        assert (head.rows, tail.rows) == (cut, len(rows) - cut)
        # A reader that has the head keeps exactly the rest of a whole resent message.
        assert drop_seen(origin, head.next) == cut
        assert is_replay(head, head.next)
        assert drop_seen(tail, head.next) == 0


@pytest.mark.parametrize(
    ("first", "following", "runs"),
    [
        (Position(5), Position(4), ()),
        (Position(5), Position(7), ((1, 1),)),
        (Position(5), Position(5), ((0, 1),)),
        (Position(5), Position(6), ((1, 0), (1, 1))),
        (Position(5), Position(6), ((-1, 1),)),
        (Position(5), Position(5, 3), ((2, 1),)),
        (Position(5, 1), Position(6, 3), ((2, 2),)),
    ],
)
def test_a_range_that_its_runs_do_not_cover_is_a_fault(
    first: Position, following: Position, runs: tuple[tuple[int, int], ...]
) -> None:
    with pytest.raises(ValueError, match=r"range|run"):
        Origin(KEY, first, following, runs)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a b 0 0 0",
        "a b 0 0 0 - ",
        "a  b 0 0 0 -",
        "a b -1 0 0 -",
        "a b 00 0 0 -",
        "a b 2147483648 0 0 -",
        "a/ b 0 0 0 -",
        f"a {'b' * 250} 0 0 0 -",
        "a b 0 0 1 -",
        "a b 0 0 1 1x1",
        "a b 0 0 1 01",
        "a b 0 0 1 1,",
        "a b 0 0 2 1x0,1x2",
        "a b 0 0 1 1x99999999999999999999",
        "a b 0 0 1 16777216",
        "a b 0 1 0 -",
        "a b 0 0 9 " + "1," * 40_000,
    ],
)
def test_text_that_is_not_an_origin_is_a_bad_message(text: str) -> None:
    with pytest.raises(BadMessage, match="bad_origin") as caught:
        origins.parse(text)

    assert caught.value.reason == "bad_origin"
    assert len(str(caught.value)) < 500
