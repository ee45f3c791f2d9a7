"""Gradient-boosted trees from a table of features and labels: trained, judged on later rows, exported and compared."""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa
import xgboost as xgb
from onnxmltools.convert import convert_xgboost
from onnxmltools.convert.common.data_types import FloatTensorType

from headrace.contract.errors import DeviceMissing, ModelError
from headrace.models.device import Device
from headrace.models.labels import LABEL
from headrace.models.metrics import auc, log_loss
from headrace.models.session import SCORE, TOLERANCE, build, matrix

PARAMS: dict[str, float | int | str] = {
    "objective": "binary:logistic",
    "eval_metric": "logloss",
    "tree_method": "hist",
    "max_depth": 6,
    "eta": 0.1,
    "subsample": 0.9,
    "colsample_bytree": 0.9,
    "min_child_weight": 20,
}
_ROUNDS = 300
_PATIENCE = 20  # rounds without a better score on the held-out rows
_HELD_OUT = 0.15  # the share of rows, the latest ones, that decides when to stop
_LEAST_ROWS = 200
_SAMPLE = 256
_MEND = (
    "it takes an image with xgboost instead of xgboost-cpu, an NVIDIA driver on the node and nvidia.com/gpu in the"
    " pod's resources (component training-gpu); or set HEADRACE_TRAINING_DEVICE=cpu"
)


@dataclass(frozen=True, slots=True)
class Trained:
    """A trained model: ONNX bytes, a sample with its scores, metrics on the held-out rows, and how it was made."""

    onnx: bytes
    sample: bytes
    metrics: dict[str, float]
    params: dict[str, float | int | str]
    rows: int


def train(rows: pl.DataFrame, columns: tuple[str, ...], *, seed: int, threads: int, device: Device = "cpu") -> Trained:
    """Train on rows in event-time order with the label in `_label`; the same rows and seed give the same model.

    Raises ModelError for too few rows, for a label that is always the same, and for an export that scores otherwise;
    DeviceMissing when XGBoost does not use the device.
    """
    if device == "cuda" and not xgb.build_info()["USE_CUDA"]:
        raise DeviceMissing(f"HEADRACE_TRAINING_DEVICE=cuda, but this XGBoost was built without CUDA: {_MEND}")
    table = rows.to_arrow()
    truth = rows[LABEL].to_numpy()
    cut = int(len(truth) * (1 - _HELD_OUT))
    if cut < _LEAST_ROWS or truth[:cut].all() or not truth[:cut].any() or truth[cut:].all() or not truth[cut:].any():
        raise ModelError(f"{len(truth)} labelled rows with {int(truth.sum())} positive are too few to train on")
    inputs = matrix(table, columns)
    params = {**PARAMS, "seed": seed, "nthread": threads, "device": device}
    earlier = xgb.DMatrix(inputs[:cut], truth[:cut])
    later = xgb.DMatrix(inputs[cut:], truth[cut:])
    booster = xgb.train(
        params, earlier, _ROUNDS, evals=[(later, "later")], early_stopping_rounds=_PATIENCE, verbose_eval=False
    )
    _expect_device(booster, device)
    booster = booster[: booster.best_iteration + 1]
    wanted = booster.predict(later)
    onnx = _export(booster, len(columns))
    found = build("candidate", 0, columns, onnx, threads).score_matrix(inputs[cut:])
    off = float(np.abs(found - wanted).max())
    if not off <= TOLERANCE:
        raise ModelError(
            f"the exported model is off by {off:.2g} from the trained one, at most {TOLERANCE:g} is accepted"
        )
    metrics = {
        "auc": auc(truth[cut:], wanted),
        "log_loss": log_loss(truth[cut:], wanted),
        "parity": off,
        "trees": float(booster.num_boosted_rounds()),
    }
    sample = _sample(table.slice(cut, _SAMPLE), columns, found[:_SAMPLE])
    return Trained(onnx, sample, metrics, params, len(truth))


def _expect_device(booster: xgb.Booster, device: Device) -> None:
    """XGBoost goes over to the CPU with no more than a warning where it finds no GPU."""
    used = json.loads(booster.save_config())["learner"]["generic_param"]["device"]
    if not used.startswith(device):
        raise DeviceMissing(f"HEADRACE_TRAINING_DEVICE={device}, but XGBoost has trained on {used}: {_MEND}")


def _export(booster: xgb.Booster, width: int) -> bytes:
    booster.feature_names = [f"f{place}" for place in range(width)]  # the only names that the converter takes
    model = convert_xgboost(booster, initial_types=[("inputs", FloatTensorType([None, width]))])
    body: bytes = model.SerializeToString()
    return body


def _sample(rows: pa.Table, columns: tuple[str, ...], scores: npt.NDArray[np.float32]) -> bytes:
    inputs = matrix(rows, columns)
    arrays = [pa.array(inputs[:, place]) for place in range(len(columns))]
    table = pa.Table.from_arrays([*arrays, pa.array(scores)], names=[*columns, SCORE])
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    body: bytes = sink.getvalue().to_pybytes()
    return body
