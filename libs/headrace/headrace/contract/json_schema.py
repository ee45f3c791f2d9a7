"""The JSON Schema of the pipeline file, for editors that complete it and check it while it is written."""

from __future__ import annotations

import json
from typing import Any

from pydantic.json_schema import GenerateJsonSchema

from headrace.contract.pipeline import Pipeline


def pipeline_schema() -> dict[str, Any]:
    """Return the schema (draft 2020-12). What refers to other parts of the file is only seen by contract.load."""
    schema = Pipeline.model_json_schema(by_alias=True, schema_generator=_Untitled)
    column = schema["$defs"]["Column"]
    schema["$defs"]["Column"] = {
        "description": column.pop("description"),
        "anyOf": [{"$ref": "#/$defs/ColumnType"}, column],  # `string` is short for `{type: string}`
    }
    _close(schema)
    return {"$schema": GenerateJsonSchema.schema_dialect, **schema}


def schema_text() -> str:
    """Return the schema as it is published, in docs/reference/pipeline.schema.json."""
    return json.dumps(pipeline_schema(), indent=1, ensure_ascii=False) + "\n"


class _Untitled(GenerateJsonSchema):
    """Without a title for every field that only says its name again."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


def _close(part: Any) -> None:
    """Refuse the keys that fit no pattern, as the types do."""
    if isinstance(part, dict):
        if "patternProperties" in part:
            part["additionalProperties"] = False
        for inner in part.values():
            _close(inner)
    elif isinstance(part, list):
        for inner in part:
            _close(inner)
