"""The published JSON Schema: up to date, right for what people write, and of one mind with the types."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from headrace.contract.json_schema import pipeline_schema, schema_text
from headrace.contract.yaml_lines import read_yaml
from jsonschema import Draft202012Validator

ROOT = Path(__file__).parents[3]
PUBLISHED = ROOT / "docs/reference/pipeline.schema.json"
FLIGHTS = ROOT / "examples/flights/headrace_flights/flights.yaml"


def faults(document: object) -> list[str]:
    schema = pipeline_schema()
    Draft202012Validator.check_schema(schema)
    return [error.json_path for error in Draft202012Validator(schema).iter_errors(document)]


def test_the_published_schema_is_the_one_of_the_types() -> None:
    """Mend it with `headrace schema > docs/reference/pipeline.schema.json`."""
    assert PUBLISHED.read_text(encoding="utf-8") == schema_text()


def test_the_examples_fit() -> None:
    assert faults(read_yaml(FLIGHTS.read_text(encoding="utf-8")).data) == []


def minimal(**stream: object) -> dict[str, Any]:
    departures = {"event_time": "off_block", "columns": {"off_block": "timestamp", "delay": "float32"}} | stream
    return {"headrace": 1, "name": "flights", "streams": {"departures": departures}}


@pytest.mark.parametrize(
    "stream",
    [
        {},
        {"columns": {"off_block": {"type": "timestamp"}, "delay": {"type": "float32", "between": [0, 1.5]}}},
        {"max_ahead": "5m"},
        {"clean": [{"drop_duplicates": {"by": ["delay"], "within": "2d"}}, {"trim": ["delay"]}]},
        {"clean": [{"derive": {"late": "delay > 15"}}, {"fill": {"delay": 0}}, {"cast": {"delay": "int8"}}]},
    ],
)
def test_the_short_forms_fit(stream: dict[str, object]) -> None:
    assert faults(minimal(**stream)) == []


@pytest.mark.parametrize(
    ("stream", "path"),
    [
        ({"columns": {"off_block": "timestmp"}}, "$.streams.departures.columns.off_block"),
        ({"columns": {"off_block": {"type": "timestamp", "nulable": True}}}, "$.streams.departures.columns.off_block"),
        ({"columns": {"Off_block": "timestamp"}}, "$.streams.departures.columns"),
        ({"max_ahead": 5}, "$.streams.departures.max_ahead"),
        ({"max_ahead": "5 minutes"}, "$.streams.departures.max_ahead"),
        ({"clean": [{"derives": {"late": "delay > 15"}}]}, "$.streams.departures.clean[0]"),
        ({"formt": "json"}, "$.streams.departures"),
    ],
)
def test_mistakes_do_not(stream: dict[str, object], path: str) -> None:
    assert faults(minimal(**stream)) == [path]


def test_every_default_is_what_a_file_may_say() -> None:
    schema = pipeline_schema()
    for part in [schema, *schema["$defs"].values()]:
        for key, spec in part.get("properties", {}).items():
            form = {"$defs": schema["$defs"], **spec}
            assert "default" not in spec or Draft202012Validator(form).is_valid(spec["default"]), key


def test_every_key_says_what_it_is() -> None:
    for name, part in pipeline_schema()["$defs"].items():
        forms = [form for form in part.get("anyOf", [part]) if "properties" in form]
        for form in forms:
            assert all("description" in key for key in form["properties"].values()), name
