"""The headers of a message: read back exactly, and refused when anything is off."""

import pytest
from headrace.contract.errors import BadMessage
from headrace.wire import headers
from headrace.wire.headers import Headers, Progress
from headrace.wire.origin import Origin, OriginKey
from headrace.wire.position import Position

ORIGIN = Origin(OriginKey("ingestion", "default.flights.raw.weather", 0), Position(7), Position(9), ((1, 2),))
EMPTY = Origin(ORIGIN.key, Position(9), Position(9), ())
TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
GOOD = Headers("0123456789abcdef", 2, (-5, 1_700_000_000_000_000), ORIGIN, Progress(1_700_000_000_000_000, True), TRACE)


@pytest.mark.parametrize(
    "message_headers",
    [
        GOOD,
        Headers("0123456789abcdef", 2, None, ORIGIN, Progress(-5, False)),
        Headers("0123456789abcdef", 0, None, EMPTY, Progress(None, False)),
        Headers("0123456789abcdef", 0, None, EMPTY, Progress(None, True)),
    ],
)
def test_headers_read_back(message_headers: Headers) -> None:
    assert headers.parse(message_headers.encode()) == message_headers


def test_headers_are_the_documented_text() -> None:
    assert GOOD.encode() == [
        ("content-type", b"application/vnd.apache.arrow.stream"),
        ("headrace-schema", b"0123456789abcdef"),
        ("headrace-rows", b"2"),
        ("headrace-time", b"-5,1700000000000000"),
        ("headrace-origin", b"ingestion default.flights.raw.weather 0 7 9 1x2"),
        ("headrace-progress", b"1700000000000000,behind"),
        ("traceparent", TRACE.encode()),
    ]


def test_headers_that_others_added_are_ignored() -> None:
    assert headers.parse([("tracestate", b"\xff"), ("__bridge", None), *GOOD.encode()]) == GOOD


@pytest.mark.parametrize("missing", ["content-type", "headrace-schema", "headrace-rows", "headrace-time"])
def test_a_missing_header_is_named(missing: str) -> None:
    with pytest.raises(BadMessage, match=f"bad_header: {missing} is missing"):
        headers.parse([(name, value) for name, value in GOOD.encode() if name != missing])


def test_a_doubled_header_is_refused() -> None:
    with pytest.raises(BadMessage, match="bad_header: headrace-rows is there twice"):
        headers.parse([*GOOD.encode(), ("headrace-rows", b"2")])


def test_a_flood_of_headers_is_refused() -> None:
    with pytest.raises(BadMessage, match="65 headers, more than 64"):
        headers.parse([("x", b"")] * 65)


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("content-type", b"application/json", "bad_header"),
        ("headrace-schema", b"0123456789ABCDEF", "bad_header"),
        ("headrace-schema", None, "bad_header"),
        ("headrace-rows", b"02", "bad_header"),
        ("headrace-rows", b"-2", "bad_header"),
        ("headrace-rows", b"2\n", "bad_header"),
        ("headrace-rows", "٢".encode(), "bad_header"),
        ("headrace-rows", b"3", "bad_origin"),
        ("headrace-time", b"5,4", "bad_header"),
        ("headrace-time", b"5", "bad_header"),
        ("headrace-time", b"-0,4", "bad_header"),
        ("headrace-time", b"0,9223372036854775808", "bad_header"),
        ("headrace-origin", b"nonsense", "bad_origin"),
        ("headrace-origin", b"1" * 70_000, "bad_header"),
        ("headrace-progress", b"5", "bad_header"),
        ("headrace-progress", b"5,late", "bad_header"),
        ("headrace-progress", b"9999999999999999999,behind", "bad_header"),
        ("traceparent", b"00-zz", "bad_header"),
    ],
)
def test_a_malformed_header_is_refused_in_one_short_line(name: str, value: bytes | None, reason: str) -> None:
    with pytest.raises(BadMessage, match=reason) as caught:
        headers.parse([(key, value if key == name else good) for key, good in GOOD.encode()])

    assert caught.value.reason == reason
    assert len(str(caught.value)) < 300
    assert "\n" not in str(caught.value)


def test_times_without_rows_are_refused() -> None:
    with pytest.raises(BadMessage, match="headrace-time"):
        headers.parse(Headers("0123456789abcdef", 0, (1, 2), EMPTY, Progress(None, False)).encode())


def test_a_strangers_record_is_followed_by_its_first_sound_traceparent() -> None:
    damaged: list[tuple[str, bytes | None]] = [
        ("traceparent", b"00-zz"),
        ("traceparent", b"\xff"),
        ("traceparent", None),
    ]

    assert headers.trace_of([*damaged, ("other", b"x"), ("traceparent", TRACE.encode())]) == TRACE
    assert headers.trace_of(damaged) is None
