"""A pipeline file as far as it can be read, so that one mistake does not hide the others.

Only what other parts of the file refer to; None stands for what is missing or cannot be read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from headrace.contract.clean import CleanStep
from headrace.contract.clean_steps import STEPS
from headrace.contract.pipeline import Column, Pipeline

T = TypeVar("T")
Texts = tuple[str | None, ...]


@dataclass(frozen=True, slots=True)
class StreamDraft:
    """A stream; `complete` unless something unreadable in it may have given its rows a column of unknown name."""

    event_time: str | None
    columns: Mapping[str, Column | None]
    clean: Sequence[CleanStep | None]
    complete: bool


@dataclass(frozen=True, slots=True)
class ViewDraft:
    """A view."""

    source: str | None
    key: Texts
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LabelDraft:
    """A prediction's label."""

    source: str | None
    by: Texts
    value: str | None


@dataclass(frozen=True, slots=True)
class PredictionDraft:
    """A prediction."""

    on: str | None
    key: str | None
    inputs: Texts
    features: Texts
    label: LabelDraft | None


@dataclass(frozen=True, slots=True)
class Draft:
    """A whole file."""

    streams: Mapping[str, StreamDraft]
    features: Mapping[str, ViewDraft]
    predictions: Mapping[str, PredictionDraft]


def read_draft(data: Mapping[str, Any]) -> Draft:
    """Return what can be read of plain data; never raises."""
    return Draft(
        {name: _stream(part) for name, part in _mapping(data.get("streams")).items()},
        {name: _view(_mapping(part)) for name, part in _mapping(data.get("features")).items()},
        {name: _prediction(_mapping(part)) for name, part in _mapping(data.get("predictions")).items()},
    )


def draft_of(pipeline: Pipeline) -> Draft:
    """Return the draft of a pipeline that was read in full."""
    return read_draft(pipeline.model_dump(mode="json", by_alias=True))


_COLUMN = TypeAdapter(Column)
_STEP: TypeAdapter[CleanStep] = TypeAdapter(CleanStep)


def _stream(data: Any) -> StreamDraft:
    part = _mapping(data)
    steps = part.get("clean", [])
    columns = {name: _read(_COLUMN, column) for name, column in _mapping(part.get("columns")).items()}
    clean = [_read(_STEP, step) for step in steps] if isinstance(steps, list) else []
    unread = [step for step, read in zip(steps, clean, strict=True) if read is None] if isinstance(steps, list) else []
    complete = isinstance(part.get("columns"), dict) and isinstance(steps, list) and not any(map(_may_add, unread))
    return StreamDraft(_text(part.get("event_time")), columns, clean, complete)


def _may_add(step: Any) -> bool:
    """Whether an unreadable step may have been meant to add columns."""
    return not isinstance(step, dict) or "derive" in step or not step.keys() & STEPS.keys()


def _view(part: Mapping[str, Any]) -> ViewDraft:
    return ViewDraft(_text(part.get("from")), _texts(part.get("key")), tuple(_mapping(part.get("values"))))


def _prediction(part: Mapping[str, Any]) -> PredictionDraft:
    label = part.get("label")
    return PredictionDraft(
        _text(part.get("on")),
        _text(part.get("key")),
        _texts(part.get("inputs")),
        _texts(part.get("features")),
        _label(label) if isinstance(label, dict) else None,
    )


def _label(part: Mapping[str, Any]) -> LabelDraft:
    return LabelDraft(_text(part.get("from")), _texts(part.get("by")), _text(part.get("value")))


def _mapping(data: Any) -> dict[str, Any]:
    return data if isinstance(data, dict) else {}


def _text(data: Any) -> str | None:
    return data if isinstance(data, str) else None


def _texts(data: Any) -> Texts:
    return tuple(map(_text, data)) if isinstance(data, list) else ()


def _read(adapter: TypeAdapter[T], data: Any) -> T | None:
    try:
        return adapter.validate_python(data)
    except ValidationError:
        return None
