"""docs/reference/pipeline.md says of every key what the types say."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from headrace.contract.json_schema import pipeline_schema
from headrace.contract.load import load_pipeline

PAGE = (Path(__file__).parents[3] / "docs/reference/pipeline.md").read_text(encoding="utf-8")


def forms() -> Iterator[tuple[str, dict[str, Any]]]:
    schema = pipeline_schema()
    yield "Pipeline", schema
    for name, part in schema["$defs"].items():
        yield from ((name, form) for form in part.get("anyOf", [part]) if "properties" in form)


KEYS = [
    (name, key, spec, key in form.get("required", []))
    for name, form in forms()
    for key, spec in form["properties"].items()
]


def default(spec: dict[str, Any], *, required: bool) -> str:
    """What the page says of a default."""
    if required:
        return "required"
    match spec.get("default"):
        case None | []:
            return "none"
        case list():
            return "all of them"
        case dict():
            return "as below"
        case bool() as value:
            return f"`{str(value).lower()}`"
        case value:
            return f"`{value}`"


@pytest.mark.parametrize(("name", "key", "spec", "required"), KEYS, ids=[f"{name}.{key}" for name, key, *_ in KEYS])
def test_every_key_stands_there_with_its_default_and_meaning(
    name: str, key: str, spec: dict[str, Any], required: bool
) -> None:
    meaning = spec["description"]
    rows = (f"| `{key}` | {default(spec, required=required)} | {meaning} |", f"| `{key}` | {meaning} |")
    assert any(row in PAGE for row in rows), f"{name}: {rows[0]}"


def test_every_word_that_may_be_chosen_stands_there() -> None:
    for part in pipeline_schema()["$defs"].values():
        assert all(f"`{word}`" in PAGE for word in part.get("enum", []))


def test_the_example_is_right() -> None:
    example = PAGE.split("```yaml\n")[1].split("```")[0]
    assert load_pipeline(example, "example").name == "flights"
