"""The kernel and the reference are two implementations of one spec: their features are equal to the last bit."""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
from headrace.contract.errors import SnapshotError
from headrace.features.engine import Engine
from headrace.features.reference import Reference
from headrace.features.spec import AGGREGATES, ViewSpec
from hypothesis import given, settings
from hypothesis import strategies as st

SCHEMA = pa.schema(
    [
        pa.field("_time", pa.timestamp("us", tz="UTC"), nullable=False),
        pa.field("_stream", pa.string(), nullable=False),
        pa.field("town", pa.string()),
        pa.field("line", pa.int16()),
        pa.field("delay", pa.float64()),
        pa.field("seats", pa.int64()),
        pa.field("full", pa.bool_()),
        pa.field("heat", pa.float32()),
        pa.field("_partition", pa.int32(), nullable=False),
        pa.field("_offset", pa.int64(), nullable=False),
        pa.field("_row", pa.int32(), nullable=False),
    ]
)
HOP = 10_000  # µs; durations in names are whole milliseconds
Row = dict[str, object]

numbers = st.floats() | st.floats(-5, 5) | st.sampled_from([0.0, -0.0, 1e6, 1e6 + 1, -1e300])
rows = st.fixed_dictionaries(
    {
        "_stream": st.sampled_from(["trips", "trips", "weather", "asks"]),
        "town": st.sampled_from(["a", "b", "ü", None]),
        "line": st.sampled_from([1, 2, None]),
        "delay": st.none() | numbers,
        "seats": st.none() | st.integers(-9, 2**63 - 1),
        "full": st.none() | st.booleans(),
        "heat": st.none() | st.floats(width=32),
        "_partition": st.integers(0, 1),
        "_offset": st.integers(0, 3),
        "step": st.integers(-3, 3) | st.sampled_from([-12, 9, 40]),  # in tenths of a hop from the row before
    }
)


def log(drawn: list[Row], schema: pa.Schema = SCHEMA) -> pa.Table:
    """Rows in the order in which they are applied; event times wander, so that some come late and some very late."""
    time = 0
    records = []
    for number, row in enumerate(drawn):
        time += int(str(row["step"])) * HOP // 10
        records.append({"_time": time, "_row": number, **{name: row[name] for name in row if name != "step"}})
    return pa.Table.from_pylist(records, schema=schema)


@st.composite
def plans(draw: st.DrawFn) -> tuple[list[ViewSpec], dict[str, list[str]]]:
    aggregates = tuple(draw(st.permutations(AGGREGATES)))
    lengths = draw(st.sampled_from([(1,), (3, 1), (2, 8, 5)]))
    trips = ViewSpec(
        name="trips",
        source="trips",
        key=draw(st.sampled_from([("town",), ("town", "line"), ("full", "line", "town")])),
        hop=HOP,
        windows=tuple(length * HOP for length in lengths),
        values={"delay": aggregates, "seats": ("mean", "last"), "full": ("sum",)},
        delay=draw(st.sampled_from([0, 3_000, HOP, 25_000])),
        slack=draw(st.sampled_from([0, 4_000, 10 * HOP])),
    )
    weather = ViewSpec("weather", "weather", ("town",), 4_000, (8_000,), {"heat": ("std", "max", "count")})
    by_heat = ViewSpec("by_heat", "trips", ("heat",), HOP, (HOP,), {"delay": ("count",)})
    requests = {"asks": ["weather", "trips"], "trips": ["trips", "by_heat"]}
    return [trips, weather, by_heat], requests


def bits(answers: Mapping[str, pa.Table]) -> dict[str, list[tuple[str, ...]]]:
    """Tables as text that tells every float from every other, -0.0 from 0.0 too."""
    return {
        stream: [tuple(f"{name}={value!r}" for name, value in row.items()) for row in table.to_pylist()]
        for stream, table in answers.items()
    }


def restarted(engine: Engine, views: list[ViewSpec], requests: dict[str, list[str]]) -> Engine:
    scalars, tiles = engine.snapshot()
    successor = Engine(views, requests, SCHEMA)
    successor.restore(json.loads(json.dumps(scalars)), tiles)
    return successor


@settings(deadline=None, derandomize=True, max_examples=200)
@given(plans(), st.lists(rows, max_size=40), st.lists(st.integers(0, 40), max_size=4), st.booleans())
def test_the_kernel_equals_the_reference_for_any_cuts_and_restarts(
    plan: tuple[list[ViewSpec], dict[str, list[str]]], drawn: list[Row], cuts: list[int], restart: bool
) -> None:
    # Given the reference's answers over the whole log
    views, requests = plan
    whole = log(drawn)
    reference = Reference(views, requests)
    expected = bits(reference.apply(whole))
    # When the engine takes the same rows in any cuts, a new process after each if so drawn
    engine = Engine(views, requests, SCHEMA)
    edges = [0, *sorted(min(cut, len(drawn)) for cut in cuts), len(drawn)]
    got: dict[str, list[tuple[str, ...]]] = {stream: [] for stream in requests}
    for begin, end in pairwise(edges):
        for stream, answers in bits(engine.apply(whole.slice(begin, end - begin))).items():
            got[stream] += answers
        if restart:
            engine = restarted(engine, views, requests)
    # Then every feature is the same, and so are the counts of rows that came too late
    assert got == expected
    assert engine.too_late == reference.too_late


def trip(time: int, delay: float | None, number: int = 0, stream: str = "trips", town: str | None = "a") -> Row:
    return {
        "_time": time,
        "_stream": stream,
        "town": town,
        "delay": delay,
        "_partition": 0,
        "_offset": 0,
        "_row": number,
    }


def table(*listed: Row) -> pa.Table:
    return pa.Table.from_pylist([{name: row.get(name) for name in SCHEMA.names} for row in listed], schema=SCHEMA)


def town_view(
    windows: tuple[int, ...] = (3 * HOP,), values: dict[str, tuple[str, ...]] | None = None, slack: int = 0
) -> ViewSpec:
    return ViewSpec("town", "trips", ("town",), HOP, windows, values or {"delay": AGGREGATES}, slack=slack)


def asked(engine: Engine, *listed: Row) -> list[Row]:
    answers: list[Row] = engine.apply(table(*listed))["asks"].to_pylist()
    return [{name.split("__")[2]: value for name, value in answer.items()} for answer in answers]


def test_a_request_reads_whole_tiles_before_it_and_never_itself() -> None:
    engine = Engine([town_view()], {"asks": ["town"]}, SCHEMA)
    got = asked(
        engine,
        trip(1_000, 2.0),
        trip(9_000, 4.0, 1),
        trip(12_000, 100.0, 2),
        trip(19_999, None, 3, stream="asks"),
        trip(30_000, None, 4, stream="asks"),
        trip(50_000, None, 5, stream="asks"),
    )
    # Then the tile that is still filling is not read, and the window ends where its last tile ends
    assert got[0] == {"count": 2, "sum": 6.0, "mean": 3.0, "std": 2**0.5, "min": 2.0, "max": 4.0, "last": 4.0}
    assert (got[1]["count"], got[1]["last"]) == (3, 100.0)
    nothing = dict.fromkeys(["sum", "mean", "std", "min", "max", "last"])
    assert got[2] == {"count": 0, **nothing}


def test_one_value_has_no_std_and_a_null_key_reads_nothing() -> None:
    engine = Engine([town_view()], {"asks": ["town"]}, SCHEMA)
    got = asked(
        engine,
        trip(0, 1.0),
        trip(1, 5.0, 1, town=None),
        trip(10_000, None, 2, stream="asks"),
        trip(10_000, None, 3, stream="asks", town=None),
        trip(10_000, None, 4, stream="asks", town="never seen"),
    )
    assert (got[0]["count"], got[0]["mean"], got[0]["std"]) == (1, 1.0, None)
    assert [answer["count"] for answer in got[1:]] == [0, 0]


def test_last_goes_by_event_time_and_not_by_arrival() -> None:
    engine = Engine([town_view(slack=HOP)], {"asks": ["town"]}, SCHEMA)
    got = asked(engine, trip(8_000, 1.0), trip(3_000, 2.0, 1), trip(10_000, None, 2, stream="asks"))
    assert (got[0]["last"], got[0]["count"]) == (1.0, 2)


def test_a_row_beyond_the_horizon_is_counted_and_changes_nothing() -> None:
    # Given a view that reaches 30 ms back, with tiles of 10 ms and no slack
    engine = Engine([town_view()], {"asks": ["town"]}, SCHEMA)
    asked(engine, trip(100_000, None, stream="asks"))
    # When rows come from the oldest tile that exists and from the one before it
    got = asked(engine, trip(60_000, 1.0, 1), trip(59_999, 2.0, 2), trip(80_000, None, 3, stream="asks"))
    assert got[0]["sum"] == 1.0
    assert engine.too_late == {"town": 1}


def test_std_is_right_where_the_mean_is_a_million_times_larger() -> None:
    # Given 20,000 values of mean 1e6 and standard deviation 1, in 200 tiles
    values = np.random.default_rng(7).normal(1e6, 1.0, 20_000)
    view = town_view(windows=(200 * HOP,))
    engine = Engine([view], {"asks": ["town"]}, SCHEMA)
    got = asked(
        engine,
        *(trip(number * 100, float(value), number) for number, value in enumerate(values)),
        trip(200 * HOP, None, 20_000, stream="asks"),
    )
    assert got[0]["count"] == 20_000
    assert got[0]["std"] == pytest.approx(float(np.std(values, ddof=1)), rel=1e-9)
    assert got[0]["mean"] == pytest.approx(float(np.mean(values)), rel=1e-12)


def test_many_keys_come_and_go_and_a_snapshot_forgets_those_that_are_past() -> None:
    # Given 3,000 towns, one after the other, of which the horizon holds the last few
    view = town_view()
    engine = Engine([view], {"asks": ["town"]}, SCHEMA)
    towns = [trip(number * 100, float(number), number, town=f"t{number}") for number in range(3_000)]
    engine.apply(table(*towns))
    # When a snapshot is taken, it holds only what can still be read
    _, tiles = engine.snapshot()
    assert 390 <= tiles["town"].num_rows <= 410
    # Then the engine that took it and one that took it up answer like one that never did either
    question = [trip(300_000, None, 5_000 + n, stream="asks", town=f"t{n}") for n in (0, 2_650, 2_750, 2_999)]
    successor = restarted(engine, [view], {"asks": ["town"]})
    untouched = Engine([view], {"asks": ["town"]}, SCHEMA)
    untouched.apply(table(*towns))
    expected = asked(untouched, *question)
    assert [answer["count"] for answer in expected] == [0, 0, 1, 1]
    assert asked(engine, *question) == asked(successor, *question) == expected


def test_a_snapshot_of_other_views_is_refused() -> None:
    engine = Engine([town_view()], {"asks": ["town"]}, SCHEMA)
    scalars, tiles = engine.snapshot()
    with pytest.raises(SnapshotError, match="other definitions"):
        Engine([town_view(slack=HOP)], {"asks": ["town"]}, SCHEMA).restore(scalars, tiles)
    with pytest.raises(SnapshotError, match="expected largest"):
        engine.restore({}, tiles)
    with pytest.raises(SnapshotError, match="the snapshot's columns"):
        engine.restore(scalars, {"town": tiles["town"].drop_columns(["tile"])})


def test_a_view_that_nobody_can_compute_is_refused() -> None:
    with pytest.raises(ValueError, match="whole numbers of the hop"):
        town_view(windows=(HOP + 1,))
    with pytest.raises(ValueError, match="must be among count"):
        town_view(values={"delay": ("median",)})
    with pytest.raises(ValueError, match="named twice"):
        town_view(windows=(HOP, HOP))
    with pytest.raises(ValueError, match="needs a key"):
        ViewSpec("town", "trips", (), HOP, (HOP,), {"delay": ("count",)})
    with pytest.raises(ValueError, match="hop must be above"):
        town_view(slack=-1)
    with pytest.raises(ValueError, match="which the log does not carry"):
        Engine([town_view(values={"colour": ("last",)})], {}, SCHEMA)
    with pytest.raises(ValueError, match="reads the views"):
        Engine([town_view()], {"asks": ["city"]}, SCHEMA)


def test_features_are_named_after_view_column_aggregate_and_window() -> None:
    view = ViewSpec("origin", "trips", ("town",), 60_000_000, (3_600_000_000,), {"delay": ("count", "mean")})
    assert [feature.name for feature in view.features] == ["origin__delay__count__1h", "origin__delay__mean__1h"]
    schema = Engine([view], {"asks": ["origin"]}, SCHEMA).apply(SCHEMA.empty_table())["asks"].schema
    assert schema.types == [pa.int64(), pa.float64()]
