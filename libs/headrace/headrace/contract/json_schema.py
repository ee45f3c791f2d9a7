"""The JSON Schema of the pipeline file, for editors that complete it and check it while it is written."""

from __future__ import annotations

import json
from typing import Any

from pydantic.json_schema import GenerateJsonSchema

from headrace.contract.duration import format_duration
from headrace.contract.fields import DURATION
from headrace.contract.pipeline import Pipeline


def pipeline_schema() -> dict[str, Any]:
    """Return the schema (draft 2020-12). What refers to other parts of the file is only seen by contract.load."""
    schema = Pipeline.model_json_schema(by_alias=True, schema_generator=_Untitled)
    column = schema["$defs"]["Column"]
    schema["$defs"]["Column"] = {
        "description": column.pop("description"),
        "anyOf": [{"$ref": "#/$defs/ColumnType"}, column],  # `string` is short for `{type: string}`
    }
    _mend(schema)
    return {"$schema": GenerateJsonSchema.schema_dialect, **schema}


def schema_text() -> str:
    """Return the schema as it is published, in docs/reference/pipeline.schema.json."""
    return json.dumps(pipeline_schema(), indent=1, ensure_ascii=False) + "\n"


class _Untitled(GenerateJsonSchema):
    """Without a title for every field that only says its name again."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


def _mend(part: Any) -> None:
    """Refuse the keys that fit no pattern, as the types do, and write the default of a duration as the file would."""
    if isinstance(part, dict):
        if "patternProperties" in part:
            part["additionalProperties"] = False
        if part.get("pattern") == DURATION and "default" in part:
            part["default"] = format_duration(part["default"])
    for inner in part.values() if isinstance(part, dict) else part if isinstance(part, list) else ():
        _mend(inner)
