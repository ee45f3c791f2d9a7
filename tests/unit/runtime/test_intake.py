"""What gets in: valid messages of planned origins, each row once."""

from __future__ import annotations

from dataclasses import replace

import pyarrow as pa
import pytest
from headrace.contract.errors import SchemaMismatch
from headrace.runtime.intake import Admitted, LogIntake
from headrace.runtime.marks import Heard
from headrace.runtime.stage import Arrival
from headrace.wire.headers import Progress
from headrace.wire.origin import OriginKey
from headrace.wire.position import Position
from unit.runtime.parts import BEHIND, CURRENT, OTHER, SCHEMA, WRITER, Read, message

Origins = list[OriginKey] | None


def intake(position: int = 0, origins: Origins = [WRITER, OTHER]) -> LogIntake:  # noqa: B006  nobody changes it
    marks = {WRITER: Heard(Position(position), BEHIND)} if position else {}
    return LogIntake("stage", "in", SCHEMA, origins, marks)


def numbers(admitted: Admitted) -> list[list[int]]:
    return [item.rows["n"].to_pylist() for item in admitted.items if isinstance(item, Arrival)]


def test_new_rows_get_in_and_the_mark_moves() -> None:
    reader = intake()
    admitted = reader.admit([message(0, 0, [[1], [2, 3]])])
    assert (numbers(admitted), reader.marks[WRITER].position) == ([[1, 2, 3]], Position(2))


def test_a_message_that_was_seen_is_dropped_and_counted() -> None:
    reader = intake(position=2)
    admitted = reader.admit([message(9, 0, [[1], [2, 3]])])
    assert (numbers(admitted), admitted.replayed, reader.marks[WRITER].position) == ([], 3, Position(2))


def test_a_message_that_straddles_the_mark_is_trimmed() -> None:
    reader = intake(position=2)
    admitted = reader.admit([message(9, 1, [[2, 3], [4], [5]])])
    assert (numbers(admitted), admitted.replayed, reader.marks[WRITER].position) == ([[4, 5]], 2, Position(4))


def test_a_message_may_begin_beyond_the_mark() -> None:
    # Given an origin whose last steps had no rows for this partition and nothing new to tell
    reader = intake(position=2)
    # Then what comes next is taken, wherever it begins
    assert numbers(reader.admit([message(9, 7, [[8]])])) == [[8]]


def test_origins_are_marked_one_by_one() -> None:
    reader = intake(position=2)
    assert numbers(reader.admit([message(9, 0, [[1]], origin=OTHER)])) == [[1]]


def test_a_repetition_at_the_mark_that_only_tells_progress_is_news() -> None:
    reader = intake(position=2)
    reader.admit([message(9, 2, [], progress=CURRENT)])
    assert reader.marks[WRITER] == Heard(Position(2), CURRENT)


def test_an_old_word_on_progress_is_not_believed() -> None:
    reader = intake(position=2)
    reader.admit([message(9, 1, [], progress=Progress(99, behind=False))])
    assert reader.marks[WRITER] == Heard(Position(2), BEHIND)


def test_an_unknown_origin_is_refused() -> None:
    stranger = OriginKey("stranger", "there", 0)
    admitted = intake().admit([message(3, 0, [[1]], origin=stranger)])
    assert admitted.items == []
    assert admitted.refused.select(["topic_offset", "reason"]).to_pylist() == [
        {"topic_offset": 3, "reason": "unknown_origin"}
    ]


def test_a_reader_that_keeps_everything_knows_no_strangers() -> None:
    stranger = OriginKey("stranger", "there", 0)
    assert numbers(intake(origins=None).admit([message(3, 0, [[1]], origin=stranger)])) == [[1]]


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (Read(1, b"hello"), "bad_header"),
        (replace(message(1, 0, [[1]]), value=b"hello"), "bad_frame"),
        (replace(message(1, 0, [[1]]), value=None), "no_value"),
    ],
    ids=["no headers", "no Arrow", "no value"],
)
def test_what_cannot_be_read_is_refused_with_its_bytes_and_moves_no_mark(record: Read, reason: str) -> None:
    reader = intake()
    admitted = reader.admit([record])
    assert (reader.marks, admitted.refused["raw"].to_pylist()) == ({}, [record.value or b""])
    assert admitted.refused["reason"].to_pylist() == [reason]


def test_a_refused_message_takes_no_neighbour_with_it() -> None:
    admitted = intake().admit([message(0, 0, [[1]]), Read(1, b"hello"), message(2, 1, [[2]])])
    assert numbers(admitted) == [[1], [2]]


def test_a_message_of_another_version_is_read_by_name() -> None:
    # Given a reader whose file has a column more, and no `text`
    later = pa.schema(
        [pa.field("later", pa.float64()), *(SCHEMA.field(name) for name in SCHEMA.names if name != "text")]
    )
    reader = LogIntake("stage", "in", later, [WRITER], {})
    # When it comes to a message of before
    (item,) = reader.admit([message(0, 0, [[1], [2]])]).items
    # Then its rows are there, with null in the new column
    assert isinstance(item, Arrival)
    assert item.rows.schema == later
    assert item.rows.select(["n", "later"]).to_pydict() == {"n": [1, 2], "later": [None, None]}


def test_a_message_of_a_version_that_cannot_be_read_is_not_skipped() -> None:
    # Given a reader whose file has given a column another type
    reader = LogIntake("stage", "in", pa.schema([("n", pa.string())]), [WRITER], {})
    # Then the message is named, neither refused nor passed
    with pytest.raises(SchemaMismatch, match=r"in offset 7: .*column n is int64 there and string here"):
        reader.admit([message(7, 0, [[1]])])
    assert reader.marks == {}
