"""The building blocks of the pipeline file's types."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, StringConstraints

from headrace.contract.duration import format_duration, parse_duration

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
"""A name that is safe in a topic, a path, a metric label and a column: lower case, digits, underscores."""


DURATION = r"^\d+(ms|s|m|h|d)$"


def _from_text(value: object) -> object:
    if not isinstance(value, str):
        raise ValueError(f"{value!r} has no unit: write a whole number and ms, s, m, h or d, such as 5m")
    return parse_duration(value)


Duration = Annotated[
    int,
    BeforeValidator(_from_text, json_schema_input_type=Annotated[str, Field(pattern=DURATION)]),
    PlainSerializer(format_duration, return_type=str),
]
"""Microseconds; written as `5m` in the file."""


class Part(BaseModel):
    """A part of the pipeline file: frozen, and a key it does not know is a mistake.

    The texts under the fields are shown by editors and stand in docs/reference/pipeline.md.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)
