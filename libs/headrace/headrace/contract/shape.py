"""Whether plain data has the shape of a pipeline file, in words for the person who wrote it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from headrace.contract import clean
from headrace.contract.clean_steps import STEPS
from headrace.contract.mistake import Mistake, Path, mend_name
from headrace.contract.pipeline import Column, Label, Pipeline, Prediction, QuarantineLimit, Stream, View

_CLASSES = {step.__name__: key for key, step in STEPS.items()}

PARTS: dict[Path, type[BaseModel]] = {
    (): Pipeline,
    ("quarantine",): QuarantineLimit,
    ("streams", "*"): Stream,
    ("streams", "*", "columns", "*"): Column,
    ("streams", "*", "clean", "*", "require"): clean.Requirement,
    ("streams", "*", "clean", "*", "drop_duplicates"): clean.DuplicateWindow,
    ("features", "*"): View,
    ("predictions", "*"): Prediction,
    ("predictions", "*", "label"): Label,
}
"""Which keys a part may have, by the shape of its path; `*` stands for a name of the user's or a place in a list."""

_EXPECTED = {
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
    "dict_type": "a mapping",
    "tuple_type": "a list such as [a, b]",
    "string_type": "text",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "string_too_short": "some text",
}


def read_shape(data: Mapping[str, Any]) -> Pipeline | list[Mistake]:
    """Return the pipeline that plain data declares, or everything in the data that no pipeline file has."""
    try:
        return Pipeline.model_validate(data)
    except ValidationError as error:
        return list(_mistakes(error.errors(), data))


def _mistakes(details: Sequence[ErrorDetails], data: Mapping[str, Any]) -> Iterator[Mistake]:
    by_path: dict[Path, ErrorDetails] = {}
    steps: dict[Path, None] = {}
    for detail in details:
        path = _there(detail, data)
        if _is_step(path):
            kind = _kind(_at(data, path[:4]))
            if kind is None:
                steps[path[:4]] = None
                continue
            if not any(_CLASSES.get(str(part)) == kind for part in detail["loc"]):
                continue  # what the other kinds of steps would have liked
        by_path.setdefault(path, detail)
    for step in steps:
        yield _no_step(step, _at(data, step))
    missing = {path for path, detail in by_path.items() if detail["type"] == "missing"}
    meant = {path: _meant(path, missing) for path, detail in by_path.items() if detail["type"] == "extra_forbidden"}
    for path, detail in by_path.items():
        if path in meant.values():
            continue  # it is there, misspelt
        if detail["type"] == "too_short" and any(longer[: len(path)] == path for longer in by_path if longer != path):
            continue  # its only item is what is wrong
        yield _in_words(path, detail)


def _there(detail: ErrorDetails, data: Mapping[str, Any]) -> Path:
    """The path of an error as the data has it: without the names of step classes and pydantic's other marks."""
    path: Path = ()
    found: Any = data
    for place, part in enumerate(detail["loc"]):
        inside = range(len(found)) if isinstance(found, list) else found if isinstance(found, dict) else ()
        if part in inside:
            path, found = (*path, part), _at(found, (part,))
        elif detail["type"] == "missing" and isinstance(part, str) and place == len(detail["loc"]) - 1:
            return (*path, part)
    said = str(detail.get("ctx", {}).get("error", "")).split(" ")[0]
    return (*path, said) if isinstance(found, dict) and said in found else path


def _at(data: Any, path: Path) -> Any:  # Any: whatever YAML can hold
    for part in path:
        data = data[part]
    return data


def _is_step(path: Path) -> bool:
    return len(path) >= 4 and path[0] == "streams" and path[2] == "clean"


def _kind(step: Any) -> str | None:
    keys = list(step) if isinstance(step, dict) else []
    return keys[0] if len(keys) == 1 and keys[0] in STEPS else None


def _no_step(path: Path, step: Any) -> Mistake:
    keys = list(step) if isinstance(step, dict) else []
    if len(keys) == 1:
        return Mistake((*path, keys[0]), "is no clean step", mend_name(keys[0], STEPS))
    return Mistake(path, f"expected one clean step, found {_shown(step)}", f"write one key: {', '.join(STEPS)}")


def _meant(path: Path, missing: set[Path]) -> Path | None:
    here = {str(other[-1]): other for other in missing if other[:-1] == path[:-1]}
    close = get_close_matches(str(path[-1]), here, 1)
    return here[close[0]] if close else None


def _in_words(path: Path, detail: ErrorDetails) -> Mistake:
    context: Mapping[str, Any] = detail.get("ctx", {})
    found = _shown(detail["input"])
    kind = detail["type"]
    if kind == "missing" and isinstance(detail["loc"][-1], int):
        return Mistake(path, "has too few items", f"write {detail['loc'][-1] + 1} or more")
    if kind == "missing":
        return Mistake(path, "is missing", f"add `{path[-1]}:` here")
    if kind == "extra_forbidden":
        return Mistake(path, "is no key here", mend_name(str(path[-1]), _keys(path[:-1])))
    if kind in ("enum", "literal_error"):
        expected = str(context["expected"])
        close = get_close_matches(str(detail["input"]), expected.replace("'", "").replace(" or ", ", ").split(", "), 1)
        return Mistake(path, f"{found} is not one of {expected}", f"did you mean {close[0]!r}?" if close else "")
    if kind == "value_error":
        return Mistake(path, str(context["error"]))
    if kind == "string_pattern_mismatch":
        return Mistake(path, f"{found} is no name", "use lower case letters, digits and _, and begin with a letter")
    if kind in ("too_short", "too_long"):
        bound = context.get("min_length", context.get("max_length"))
        return Mistake(path, f"{found} has {context.get('actual_length')} items, expected {bound}")
    if path != () and detail["loc"][-1] in ("str", "int", "float", "bool"):
        return Mistake(path, f"expected text, a number, true or false, found {found}")
    if kind in _EXPECTED:
        return Mistake(path, f"expected {_EXPECTED[kind]}, found {found}")
    return Mistake(path, f"{detail['msg'][:1].lower()}{detail['msg'][1:]}, found {found}")


def _keys(path: Path) -> list[str]:
    for shape, part in PARTS.items():
        if len(shape) == len(path) and all(own in ("*", other) for own, other in zip(shape, path, strict=True)):
            return [field.alias or name for name, field in part.model_fields.items()]
    return []


def _shown(value: object) -> str:
    text = "nothing" if value is None else repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
