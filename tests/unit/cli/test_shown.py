"""What strangers sent, on a terminal and as JSON."""

from __future__ import annotations

import json

import pyarrow as pa
import pytest
from headrace.cli.shown import escaped, json_line, moment, rows_of
from headrace.contract.columns import TIMESTAMP


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (b'{"temp": 39}', '{"temp": 39}'),
        (b"two\nlines\r", r"two\nlines\r"),
        (b"\x1b[2Jgone", r"\x1b[2Jgone"),  # would clear the screen
        ("right\u202eleft", r"right\u202eleft"),  # would turn the text round
        (b"\xff\xfe", r"\xff\xfe"),
        ("Zürich ✈", "Zürich ✈"),
        (None, "None"),
    ],
)
def test_nothing_that_a_terminal_obeys_is_shown_as_it_is(value: object, shown: str) -> None:
    assert escaped(value, 40) == shown


def test_what_is_cut_says_how_long_it_was() -> None:
    assert escaped(b"x" * 1_000_000, 10) == "xxxxxxxxxx… (1000000 bytes)"
    assert escaped("\n" * 8, 10) == r"\n\n\n\n\n… (8 characters)"
    assert escaped("0123456789", 10) == "0123456789"


def test_json_keeps_every_byte_and_has_no_number_that_json_lacks() -> None:
    line = json_line(
        {"raw": "é".encode(), "broken": b"\xff", "score": float("nan"), "high": float("inf"), "rule": None}
    )

    assert json.loads(line) == {"raw": "é", "broken_base64": "/w==", "score": None, "high": None, "rule": None}


def test_times_are_iso_8601_and_those_that_no_calendar_has_are_numbers() -> None:
    times = pa.array([0, 1_385_856_000_000_001, 2**63 - 1, -(2**63), None], TIMESTAMP)

    assert [row["at"] for row in rows_of(pa.table({"at": times}))] == [
        "1970-01-01T00:00:00Z",
        "2013-12-01T00:00:00.000001Z",
        "9223372036854775807 µs",
        "-9223372036854775808 µs",
        None,
    ]
    assert moment(0) == "1970-01-01T00:00:00Z"


def test_a_short_float_is_the_shortest_number_that_is_it() -> None:
    values = pa.array([0.1, -2, None, float("nan"), 1e-40], pa.float32())

    assert [json_line(row) for row in rows_of(pa.table({"x": values}))] == [
        '{"x":0.1}',
        '{"x":-2.0}',
        '{"x":null}',
        '{"x":null}',
        '{"x":1e-40}',
    ]
