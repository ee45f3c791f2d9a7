"""What a model version says of itself: enough to refuse it when anything has changed."""

from __future__ import annotations

import hashlib
import json

from pydantic import BaseModel, ConfigDict, ValidationError

from headrace.contract.errors import ModelError
from headrace.contract.plan import Plan


class Inputs(BaseModel):
    """The input vector: the columns in their order, and a hash of the definitions of the views they come from."""

    model_config = ConfigDict(frozen=True)

    columns: tuple[str, ...]
    views: str


class Training(BaseModel):
    """What the version was made from."""

    model_config = ConfigDict(frozen=True)

    tables: dict[str, int]  # table -> its version
    rows: int
    first: str  # event time of the oldest row, ISO 8601
    last: str
    seed: int
    params: dict[str, float | int | str]
    commit: str  # of the code, "" where it is not known


class Manifest(BaseModel):
    """A version of a model; `files` gives the sha256 of each of its files."""

    model_config = ConfigDict(frozen=True)

    format: int = 1
    name: str
    files: dict[str, str]
    inputs: Inputs
    training: Training
    metrics: dict[str, float]
    created: str


def inputs_of(plan: Plan, prediction: str) -> Inputs:
    """Return the input vector that the pipeline asks for."""
    views = {name: plan.pipeline.features[name] for name in plan.pipeline.predictions[prediction].features}
    text = json.dumps(
        {name: view.model_dump(mode="json", by_alias=True) for name, view in views.items()}, sort_keys=True
    )
    return Inputs(columns=plan.model_inputs(prediction), views=digest(text.encode()))


def digest(body: bytes) -> str:
    """The sha256 of some bytes, in hex."""
    return hashlib.sha256(body).hexdigest()


def parse(body: bytes, where: str) -> Manifest:
    """Read a manifest; raises ModelError, naming `where`, for anything else."""
    try:
        return Manifest.model_validate_json(body)
    except ValidationError as error:
        raise ModelError(f"{where}: not a manifest: {error.errors()[0]['msg']}") from error
