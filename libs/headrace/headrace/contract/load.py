"""The pipeline file from its text: types checked, and every mistake found with its line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from headrace.contract import clean
from headrace.contract.errors import PipelineError, PlanError, Problem
from headrace.contract.pipeline import Column, Label, Pipeline, Prediction, QuarantineLimit, Stream, View
from headrace.contract.plan import make_plan
from headrace.contract.references import mistakes
from headrace.contract.yaml_lines import Document, Path, read_yaml

_STEPS: dict[str, type[BaseModel]] = {
    "require": clean.Require,
    "filter": clean.Filter,
    "derive": clean.Derive,
    "fill": clean.Fill,
    "cast": clean.Cast,
    "trim": clean.Trim,
    "normalise": clean.Normalise,
    "drop_duplicates": clean.DropDuplicates,
}
_CLASSES = {step.__name__ for step in _STEPS.values()}

# Which keys a part may have, by the shape of its path; `*` stands for a name of the user's.
_PARTS: dict[Path, type[BaseModel]] = {
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


def load_pipeline(text: str, file: str) -> Pipeline:
    """Return the pipeline that the text declares; `file` is its name in messages.

    Raises PipelineError with every problem found, in the order of the file.
    """
    document = read_yaml(text)
    problems = list(document.problems)
    if not problems and not isinstance(document.data, dict):
        problems = [Problem(1, "file", "expected a mapping that begins with `headrace: 1`")]
    pipeline = None
    if isinstance(document.data, dict):
        try:
            pipeline = Pipeline.model_validate(document.data)
        except ValidationError as error:
            problems += _invalid(error, document)
    if pipeline is not None and not problems:
        problems += [
            Problem(document.line(wrong.path), _dotted(wrong.path), wrong.message, wrong.mend)
            for wrong in mistakes(pipeline)
        ]
    if pipeline is not None and not problems:
        try:
            make_plan(pipeline)
        except PlanError as error:
            problems.append(Problem(document.line(("features",)), "features", str(error)))
    if pipeline is None or problems:
        raise PipelineError(file, sorted(dict.fromkeys(problems), key=lambda problem: problem.line))
    return pipeline


def _invalid(error: ValidationError, document: Document) -> Iterator[Problem]:
    bad_steps: set[Path] = set()
    for detail in error.errors():
        path = _plain(detail["loc"])
        step = path[:4] if len(path) >= 4 and path[0] == "streams" and path[2] == "clean" else None
        if step is not None:
            kind = _step_kind(document.data, step)
            if kind is None:
                if step not in bad_steps:
                    bad_steps.add(step)
                    yield _unknown_step(step, document)
                continue
            if _STEPS[kind].__name__ not in detail["loc"]:
                continue  # what the other kinds of steps would have liked
        yield _problem(path, detail, document)


def _plain(place: tuple[int | str, ...]) -> Path:
    """The path as the file has it: without the names of the step classes and pydantic's marks for keys."""
    return tuple(part for part in place if part not in _CLASSES and part != "[key]")


def _step_kind(data: Any, step: Path) -> str | None:
    found = data
    for part in step:
        found = found[part]
    keys = list(found) if isinstance(found, dict) else []
    return keys[0] if len(keys) == 1 and keys[0] in _STEPS else None


def _unknown_step(step: Path, document: Document) -> Problem:
    known = ", ".join(_STEPS)
    return Problem(document.line(step), _dotted(step), f"a clean step is one key with its setting: {known}")


def _problem(path: Path, detail: ErrorDetails, document: Document) -> Problem:
    message, mend = _words(path, detail)
    return Problem(document.line(path), _dotted(path) or "file", message, mend)


def _words(path: Path, detail: ErrorDetails) -> tuple[str, str]:
    context: Mapping[str, Any] = detail.get("ctx", {})
    found = _shown(detail["input"])
    match detail["type"]:
        case "missing":
            return "is missing", f"add `{path[-1]}:` here"
        case "extra_forbidden":
            known = _keys(path[:-1])
            close = get_close_matches(str(path[-1]), known, 1)
            return "is no key here", f"did you mean {close[0]!r}?" if close else f"there are {', '.join(known)}"
        case "enum" | "literal_error":
            expected = str(context.get("expected", ""))
            close = get_close_matches(
                str(detail["input"]), expected.replace("'", "").replace(" or ", ", ").split(", "), 1
            )
            return f"{found} is not one of {expected}", f"did you mean {close[0]!r}?" if close else ""
        case "value_error":
            return str(context["error"]), ""
        case "string_pattern_mismatch":
            return f"{found} is no name", "use lower case letters, digits and _, and begin with a letter"
        case _:
            return f"{detail['msg'][:1].lower()}{detail['msg'][1:]}, found {found}", ""


def _keys(path: Path) -> list[str]:
    for shape, part in _PARTS.items():
        if len(shape) == len(path) and all(own in ("*", other) for own, other in zip(shape, path, strict=True)):
            return [field.alias or name for name, field in part.model_fields.items()]
    return []


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _dotted(path: Path) -> str:
    return ".".join(map(str, path))
