"""The pipeline file as a newcomer writes it: what is right is read, and what is wrong is named with its line."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from headrace.contract.errors import PipelineError
from headrace.contract.load import load_pipeline
from headrace.contract.pipeline import Pipeline
from hypothesis import given, settings
from hypothesis import strategies as st

GOOD = """\
headrace: 1
name: flights
streams:
  departures:
    format: json
    event_time: off_block
    columns:
      flight_id: string
      off_block: timestamp
      origin: {type: string, one_of: [EWR, JFK, LGA]}
      dest: {type: string, nullable: true}
      dep_delay: {type: float32, between: [-120, 2000]}
    clean:
      - drop_duplicates: {by: [flight_id], within: 2d}
      - require: {name: known destination, that: "dest IS NOT NULL"}
      - derive: {is_late_start: "dep_delay > 15"}
  arrivals:
    event_time: landed
    columns:
      flight_id: string
      landed: timestamp
      arr_delay: float32
features:
  origin_departures:
    from: departures
    key: [origin]
    hop: 5m
    windows: [1h, 3h]
    values: {dep_delay: [count, mean]}
predictions:
  late_at_departure:
    on: departures
    key: flight_id
    inputs: [dep_delay]
    features: [origin_departures]
    model: late_at_departure
    label: {from: arrivals, by: [flight_id], value: "arr_delay > 15", within: 24h}
"""


def problems(text: str) -> list[tuple[int, str]]:
    with pytest.raises(PipelineError) as caught:
        load_pipeline(text, "flights.yaml")
    return [(problem.line, problem.path) for problem in caught.value.problems]


def complaints(text: str) -> list[int]:
    """The lines that are complained of; none if the file is right. Anything but a PipelineError fails the test."""
    try:
        load_pipeline(text, "flights.yaml")
    except PipelineError as error:
        return [problem.line for problem in error.problems]
    return []


def line_of(text: str, part: str) -> int:
    return next(number for number, line in enumerate(text.splitlines(), 1) if part in line)


def test_a_good_file_is_read() -> None:
    pipeline = load_pipeline(GOOD, "flights.yaml")

    assert isinstance(pipeline, Pipeline)
    assert pipeline.predictions["late_at_departure"].on == "departures"  # `on` is a word, not a switch
    assert pipeline.streams["departures"].columns["origin"].one_of == ("EWR", "JFK", "LGA")


def test_five_mistakes_are_five_problems_with_their_lines() -> None:
    # Given a file with five mistakes: of spelling, of type, of SQL and between parts that refer to each other
    text = (
        GOOD.replace("format: json", "formt: json")
        .replace("within: 2d", "within: 2")
        .replace("dest IS NOT NULL", "dst IS NOT NULL")
        .replace("hop: 5m", "hopp: 5m")
        .replace("inputs: [dep_delay]", "inputs: [dep_delai]")
    )
    # When it is read
    with pytest.raises(PipelineError) as caught:
        load_pipeline(text, "flights.yaml")
    # Then each is named with its line, what is wrong and what would mend it, in the order of the file
    assert str(caught.value).splitlines() == [
        "flights.yaml: line 5: streams.departures.formt: is no key here (did you mean 'format'?)",
        "flights.yaml: line 14: streams.departures.clean[0].drop_duplicates.within:"
        " 2 has no unit: write a whole number and ms, s, m, h or d, such as 5m",
        "flights.yaml: line 15: streams.departures.clean[1].require.that: no column 'dst' here (did you mean 'dest'?)",
        "flights.yaml: line 27: features.origin_departures.hopp: is no key here (did you mean 'hop'?)",
        "flights.yaml: line 34: predictions.late_at_departure.inputs[0]:"
        " no column 'dep_delai' here (did you mean 'dep_delay'?)",
    ]


def test_what_follows_from_a_mistake_is_not_a_mistake_of_its_own() -> None:
    # Given a step that cannot be read, so that nobody knows which columns the rows have after it
    text = GOOD.replace("- derive: {is_late_start", "- derives: {is_late_start").replace(
        "inputs: [dep_delay]", "inputs: [is_late_start]"
    )
    # Then the input that it would have given is not called missing
    assert problems(text) == [(line_of(text, "derives"), "streams.departures.clean[2].derives")]


@pytest.mark.parametrize(
    ("was", "becomes", "path"),
    [
        (
            "flight_id: string\n      off_block",
            "flight_id: sting\n      off_block",
            "streams.departures.columns.flight_id",
        ),
        ("type: float32, between", "type: flot, between", "streams.departures.columns.dep_delay.type"),
        ("one_of: [EWR, JFK, LGA]", "one_of: [EWR, 5, LGA]", "streams.departures.columns.origin.one_of[1]"),
        ("one_of: [EWR, JFK, LGA]", "one_of: [EWR, [JFK]]", "streams.departures.columns.origin.one_of[1]"),
        ("between: [-120, 2000]", "between: [2000, -120]", "streams.departures.columns.dep_delay.between"),
        ("between: [-120, 2000]", "between: [-120]", "streams.departures.columns.dep_delay.between"),
        ("nullable: true", "nullable: perhaps", "streams.departures.columns.dest.nullable"),
        ("windows: [1h, 3h]", "windows: [1h, 7m]", "features.origin_departures.windows"),
        ("windows: [1h, 3h]", "windows: [1h, 60m]", "features.origin_departures"),
        (
            "values: {dep_delay: [count, mean]}",
            "values: {dep_delay: [men]}",
            "features.origin_departures.values.dep_delay[0]",
        ),
        ("values: {dep_delay: [count, mean]}", "values: {dest: [last]}", "features.origin_departures.values.dest"),
        ("key: [origin]", "key: [orgin]", "features.origin_departures.key[0]"),
        ("key: [origin]", "key: origin", "features.origin_departures.key"),
        ("key: [origin]", "key: [origin, origin]", "features.origin_departures.key[1]"),
        ("from: departures", "from: departure", "features.origin_departures.from"),
        ("on: departures", "on: departure", "predictions.late_at_departure.on"),
        ("key: flight_id", "key: flight", "predictions.late_at_departure.key"),
        ("inputs: [dep_delay]", "inputs: [origin]", "predictions.late_at_departure.inputs[0]"),
        ("features: [origin_departures]", "features: [dest]", "predictions.late_at_departure.features[0]"),
        ("from: arrivals", "from: arrival", "predictions.late_at_departure.label.from"),
        ("arr_delay > 15", "arr_dely > 15", "predictions.late_at_departure.label.value"),
        ("arr_delay > 15", "arr_delay + 15", "predictions.late_at_departure.label.value"),
        ("dep_delay > 15", "dep_delay >", "streams.departures.clean[2].derive.is_late_start"),
        ("dep_delay > 15", "dep_delay > dest", "streams.departures.clean[2].derive.is_late_start"),
        ('that: "dest IS NOT NULL"', 'that: "dest"', "streams.departures.clean[1].require.that"),
        (
            "by: [flight_id], within: 2d",
            "by: [flight], within: 2d",
            "streams.departures.clean[0].drop_duplicates.by[0]",
        ),
        (
            "- derive: {is_late_start",
            "- cast: {dep_delay: int8}\n        derive: {is_late_start",
            "streams.departures.clean[2]",
        ),
        (
            '- derive: {is_late_start: "dep_delay > 15"}',
            "- fill: {dep_delay: much}",
            "streams.departures.clean[2].fill.dep_delay",
        ),
        ('- derive: {is_late_start: "dep_delay > 15"}', "- trim: [dep_delay]", "streams.departures.clean[2].trim[0]"),
        ('- derive: {is_late_start: "dep_delay > 15"}', "- cast: {off_block: string}", "streams.departures.clean[2]"),
        ("event_time: landed", "event_time: arr_delay", "streams.arrivals.event_time"),
        ("landed: timestamp\n      arr_delay", "landed: timestamp\n      origin: int32\n      arr_delay", ""),
        ("name: flights", "name: Flights!", "name"),
        ("name: flights", "name: flights\npartitions: many", "partitions"),
        ("headrace: 1", "headrace: 2", "headrace"),
        ("  departures:\n", "  Departures:\n", "streams.Departures"),
    ],
)
def test_one_mistake_is_one_problem_where_it_stands(was: str, becomes: str, path: str) -> None:
    assert was in GOOD
    text = GOOD.replace(was, becomes)
    if not path:
        load_pipeline(text, "flights.yaml")
        return
    assert path in [found for _, found in problems(text)]


@pytest.mark.parametrize("text", ["", "- a", "just text", "a: [", "a: !!python/object:os.system x", "\x00", "{" * 5000])
def test_what_is_no_pipeline_file_ends_in_one_clear_error(text: str) -> None:
    assert problems(text)[0][1] in ("file", "headrace", "a")


def test_lines_are_those_of_an_editor() -> None:
    # Given a character that only YAML takes for a line break
    text = GOOD.replace("format: json", "format: jsno").replace("name: flights", "name: flights # \x85")
    assert problems(text)[0][0] == line_of(GOOD, "format: json") == 5


def test_aliases_cannot_blow_up() -> None:
    # Given the billion laughs
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]
    # When the file is read, then it ends early
    assert problems("\n".join(lines)) == [(1, "file")]


@pytest.mark.parametrize(
    "sql",
    [
        "dep_delay > AVG(dep_delay)",
        "COUNT(*) > 3",
        "dep_delay > LAG(dep_delay) OVER (ORDER BY off_block)",
        "ROW_NUMBER() OVER () > 5",
        "dep_delay > QUANTILE_CONT(dep_delay, 0.5)",
        "dep_delay IN (SELECT 1)",
        "off_block > NOW()",
        "off_block > CURRENT_TIMESTAMP",
    ],
)
def test_an_expression_follows_from_its_own_row(sql: str) -> None:
    """Given SQL over other rows or the clock: batches are cut anywhere and rows are recomputed later."""
    text = GOOD.replace("dest IS NOT NULL", sql)
    assert problems(text) == [(line_of(text, sql), "streams.departures.clean[1].require.that")]


@pytest.mark.parametrize(
    "sql",
    [
        "dest IN ('NOW()', 'Agg')",
        "dep_delay BETWEEN 1 AND 2 OR origin LIKE 'E%'",
        "COALESCE(dest, origin) <> 'JFK'",
        "EXTRACT(HOUR FROM off_block) > 5",
        "CASE WHEN dep_delay > 5 THEN origin = 'JFK' ELSE TRUE END",
    ],
)
def test_an_expression_over_its_own_row_is_read(sql: str) -> None:
    load_pipeline(GOOD.replace("dest IS NOT NULL", sql), "flights.yaml")


def test_an_endless_expression_ends_in_an_error_and_not_in_a_crash() -> None:
    text = GOOD.replace("dest IS NOT NULL", "dep_delay" + " + dep_delay" * 30_000)
    assert problems(text) == [(15, "streams.departures.clean[1].require.that")]


def test_two_streams_of_a_log_that_give_a_name_two_types_are_named_by_column() -> None:
    text = GOOD.replace("arr_delay: float32", "arr_delay: float32\n      origin: int32").replace(
        "predictions:",
        "  origin_arrivals: {from: arrivals, key: [origin], hop: 5m, windows: [1h], values: {arr_delay: [mean]}}\n"
        "predictions:",
    )
    assert problems(text) == [(line_of(text, "origin: int32"), "streams.arrivals.columns.origin")]


def test_a_column_cannot_take_the_name_of_an_answer() -> None:
    text = GOOD.replace("dep_delay: {type", "score: float32\n      dep_delay: {type").replace(
        "inputs: [dep_delay]", "inputs: [dep_delay, score]"
    )
    assert problems(text) == [(line_of(text, "late_at_departure:"), "predictions.late_at_departure")]


PIECES = ["[", "]", "{", "}", ": ", "- ", "&a ", "*a", "!!int ", "!!set ", "<<", "\n", "  ", "'", '"', "\\ud800", "0x1"]
PIECES += ["null", "true", "1e999", "-", "{}", "[]", "9" * 5000, "SUM(dep_delay)", "(", "é", "\U0001f600", "\x85", "\t"]


@given(
    edits=st.lists(
        st.tuples(st.integers(0, len(GOOD)), st.integers(0, 40), st.sampled_from(PIECES)), min_size=1, max_size=6
    )
)
@settings(deadline=None, max_examples=100, derandomize=True)
def test_whatever_is_done_to_a_file_ends_in_the_one_error(edits: list[tuple[int, int, str]]) -> None:
    text = GOOD
    for place, length, piece in edits:
        text = text[:place] + piece + text[place + length :]
    found = complaints(text)
    assert found == sorted(found)
    assert all(0 <= line <= text.count("\n") + 1 for line in found)


ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@given(data=st.data())
@settings(deadline=None, max_examples=100, derandomize=True)
def test_whatever_stands_in_a_part_ends_in_the_one_error(data: st.DataObject) -> None:
    # Given a file in which one part is anything at all
    document = yaml.safe_load(GOOD.replace("    on:", '    "on":'))
    around, key = data.draw(st.sampled_from(list(parts_of(document))))
    around[key] = data.draw(ANY)
    complaints(yaml.safe_dump(document, sort_keys=False))


def parts_of(data: Any) -> Iterator[tuple[Any, Any]]:
    places = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for key, part in list(places):
        yield data, key
        yield from parts_of(part)
