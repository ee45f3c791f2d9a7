"""A model for W1: 100 trees of depth 6 on 12 inputs, trained on generated events, published as `headrace train` does.

XGBoost, which Headrace trains with, stands for LightGBM: to ONNX Runtime both are the same kind of trees.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import xgboost as xgb
from headrace.contract.plan import Plan
from headrace.models.manifest import Manifest, Training, inputs_of
from headrace.models.registry import MODEL, SAMPLE, Registry
from headrace.models.session import SCORE, TOLERANCE, Floats, build
from onnxmltools.convert import convert_xgboost
from onnxmltools.convert.common.data_types import FloatTensorType

from w1.by_hand import ByHand
from w1.events import events

_TREES = 100
_SEED = 7
_EVENTS = 50_000
_PARAMS: dict[str, float | int | str] = {
    "objective": "binary:logistic",
    "tree_method": "hist",
    "max_depth": 6,
    "eta": 0.1,
    "seed": _SEED,
}


def publish_model(plan: Plan, registry: Registry) -> bytes:
    """Train, publish a version, point `champion` at it; returns the ONNX bytes."""
    hand = ByHand()
    frames = events(_EVENTS, seed=_SEED)
    inputs = np.concatenate([hand.work(frame["value"].to_list()).inputs for frame in frames])
    booster = xgb.train(
        {**_PARAMS, "nthread": os.cpu_count() or 1}, xgb.DMatrix(inputs, _labels(inputs)), num_boost_round=_TREES
    )
    wanted = booster.predict(xgb.DMatrix(inputs))
    columns = inputs_of(plan, "purchase").columns
    booster.feature_names = [f"f{place}" for place in range(len(columns))]  # the only names that the converter takes
    exported = convert_xgboost(booster, initial_types=[("inputs", FloatTensorType([None, len(columns)]))])
    onnx: bytes = exported.SerializeToString()
    scores = build("w1", 0, columns, onnx).score_matrix(inputs)
    off = float(np.abs(scores - wanted).max())
    assert off <= TOLERANCE, f"the export is off by {off:.2g}"
    manifest = Manifest(
        name=plan.pipeline.predictions["purchase"].model,
        files={},
        inputs=inputs_of(plan, "purchase"),
        training=Training(tables={}, rows=len(inputs), first="", last="", seed=_SEED, params=_PARAMS, commit=""),
        metrics={"parity": off, "trees": float(booster.num_boosted_rounds())},
        created=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    number = registry.publish(manifest, {MODEL: onnx, SAMPLE: _sample(columns, inputs[:256], scores[:256])})
    registry.point(manifest.name, "champion", number)
    return onnx


def _labels(inputs: Floats) -> Floats:
    """Something to learn: it depends on the amount, the distance, the hour's discount and how busy the user was."""
    rng = np.random.default_rng(_SEED)
    log_amount, distance, discount, count = inputs[:, 0], inputs[:, 4], inputs[:, 9], inputs[:, 10]
    raw = 0.8 * (log_amount - 3.5) - distance / 6_000 + 3 * discount + 0.05 * count + rng.normal(0, 1, len(inputs))
    return (raw > np.median(raw)).astype(np.float32)


def _sample(columns: tuple[str, ...], inputs: Floats, scores: Floats) -> bytes:
    table = pa.table({**{name: inputs[:, place] for place, name in enumerate(columns)}, SCORE: scores})
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    body: bytes = sink.getvalue().to_pybytes()
    return body
