"""The pipeline file as a newcomer writes it: what is right is read, and what is wrong is named with its line."""

from __future__ import annotations

import random

import pytest
from headrace.contract.errors import PipelineError
from headrace.contract.load import load_pipeline
from headrace.contract.pipeline import Pipeline

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


def line_of(text: str, part: str) -> int:
    return next(number for number, line in enumerate(text.splitlines(), 1) if part in line)


def test_a_good_file_is_read() -> None:
    pipeline = load_pipeline(GOOD, "flights.yaml")

    assert isinstance(pipeline, Pipeline)
    assert pipeline.predictions["late_at_departure"].on == "departures"  # `on` is a word, not a switch
    assert pipeline.streams["departures"].columns["origin"].one_of == ("EWR", "JFK", "LGA")


def test_five_mistakes_are_five_problems_with_their_lines() -> None:
    # Given a file with a wrong format, a wrong type, a column without unit, an unknown key and an unknown step
    text = (
        GOOD.replace("format: json", "format: jsno")
        .replace("flight_id: string\n      off_block", "flight_id: sting\n      off_block")
        .replace("within: 2d", "within: 2")
        .replace("hop: 5m", "hopp: 5m")
        .replace("- derive: {is_late_start", "- derives: {is_late_start")
    )
    # When it is read
    found = problems(text)
    # Then each is named, in the order of the file
    assert found == [
        (line_of(text, "jsno"), "streams.departures.format"),
        (line_of(text, "sting"), "streams.departures.columns.flight_id.type"),
        (line_of(text, "within: 2}"), "streams.departures.clean.0.drop_duplicates.within"),
        (line_of(text, "derives"), "streams.departures.clean.2"),
        (line_of(text, "origin_departures:"), "features.origin_departures.hop"),
        (line_of(text, "hopp"), "features.origin_departures.hopp"),
    ]


def test_a_problem_says_what_would_mend_it() -> None:
    with pytest.raises(PipelineError) as caught:
        load_pipeline(GOOD.replace("format: json", "formt: json"), "flights.yaml")

    assert str(caught.value) == (
        "flights.yaml: line 5: streams.departures.formt: is no key here (did you mean 'format'?)"
    )


@pytest.mark.parametrize(
    ("was", "becomes", "path"),
    [
        ("key: [origin]", "key: [orgin]", "features.origin_departures.key"),
        ("from: departures", "from: departure", "features.origin_departures.from"),
        ("inputs: [dep_delay]", "inputs: [origin]", "predictions.late_at_departure.inputs"),
        ("features: [origin_departures]", "features: [dest]", "predictions.late_at_departure.features"),
        ("arr_delay > 15", "arr_dely > 15", "predictions.late_at_departure.label.value"),
        ("dep_delay > 15", "dep_delay >", "streams.departures.clean.2.derive.is_late_start"),
        ('that: "dest IS NOT NULL"', 'that: "dest"', "streams.departures.clean.1.require.that"),
        ("by: [flight_id], within: 2d", "by: [flight], within: 2d", "streams.departures.clean.0.drop_duplicates.by"),
        ("event_time: landed", "event_time: arr_delay", "streams.arrivals"),
        ("name: flights", "name: Flights!", "name"),
        ("headrace: 1", "headrace: 2", "headrace"),
    ],
)
def test_a_wrong_reference_is_named_where_it_stands(was: str, becomes: str, path: str) -> None:
    text = GOOD.replace(was, becomes)
    assert problems(text) == [(line_of(text, becomes) if path != "streams.arrivals" else 17, path)]


def test_a_key_that_stands_twice_is_named() -> None:
    text = GOOD.replace("hop: 5m", "hop: 5m\n    hop: 10m")
    assert problems(text) == [(line_of(text, "hop: 10m"), "features.origin_departures.hop")]


@pytest.mark.parametrize("text", ["", "- a", "just text", "a: [", "a: !!python/object:os.system x", "\x00", "{" * 5000])
def test_what_is_no_pipeline_file_ends_in_one_clear_error(text: str) -> None:
    assert problems(text)[0][1] in ("file", "headrace", "a")


def test_aliases_cannot_blow_up() -> None:
    # Given the billion laughs
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]
    # When the file is read, then it ends early
    assert problems("\n".join(lines)) == [(1, "file")]


def test_no_mutation_of_a_good_file_raises_anything_else() -> None:
    dice = random.Random(7)
    for _ in range(300):
        text = list(GOOD)
        for _ in range(dice.randrange(1, 6)):
            place = dice.randrange(len(text))
            text[place] = dice.choice("abc :-[]{}\"'\n\t0&*!|>%@,#")
        try:
            load_pipeline("".join(text), "flights.yaml")
        except PipelineError:
            continue
