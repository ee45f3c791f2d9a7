"""A model that is ready to score: verified, built and tried on its sample before anybody relies on it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import onnxruntime as ort
import pyarrow as pa

from headrace.contract.errors import DeviceMissing, ModelError
from headrace.models.device import Device, open_session
from headrace.models.manifest import Inputs
from headrace.models.registry import MODEL, SAMPLE, Version

TOLERANCE = 1e-5
SCORE = "score"

Floats = npt.NDArray[np.float32]


class Model:
    """One version in memory. Safe to share between threads."""

    def __init__(self, name: str, number: int, columns: tuple[str, ...], session: ort.InferenceSession) -> None:
        self.name = name
        self.number = number
        self._columns = columns
        self._session = session
        self._input = session.get_inputs()[0].name

    def score(self, rows: pa.Table) -> Floats:
        """One probability for each row, from the model's input columns (any number type; null counts as NaN)."""
        return self.score_matrix(matrix(rows, self._columns))

    def score_matrix(self, inputs: Floats) -> Floats:
        """The same, from float32 of shape (rows, inputs)."""
        if not len(inputs):
            return np.empty(0, np.float32)
        outputs = self._session.run(None, {self._input: inputs})
        scores = np.asarray(outputs[-1], np.float32)
        return scores[:, -1] if scores.ndim == 2 else scores


def open_model(version: Version, expected: Inputs, threads: int = 1, device: Device = "cpu") -> Model:
    """Build a version's session and try it.

    Raises ModelError when it was made for other inputs, or scores its sample otherwise than when it was made;
    DeviceMissing when the device is not used.
    """
    name, number = version.manifest.name, version.number
    where = f"model {name} version {number}"
    if version.manifest.inputs.columns != expected.columns:
        raise ModelError(
            f"{where} was trained on other inputs: {_difference(version.manifest.inputs.columns, expected.columns)}"
        )
    if version.manifest.inputs.views != expected.views:
        raise ModelError(f"{where} was trained on other definitions of its features; train it anew")
    model = build(name, number, expected.columns, version.files[MODEL], threads, device)
    sample = pa.ipc.open_stream(version.files[SAMPLE]).read_all()
    off = np.abs(model.score(sample) - sample[SCORE].to_numpy())
    if len(off) and not float(off.max()) <= TOLERANCE:
        raise ModelError(f"{where} scores its own sample otherwise than when it was made: off by {off.max():.2g}")
    return model


def build(
    name: str, number: int, columns: tuple[str, ...], body: bytes, threads: int = 1, device: Device = "cpu"
) -> Model:
    """A session for ONNX bytes; raises ModelError when the runtime refuses them, DeviceMissing for its device."""
    try:
        session = open_session(body, threads, device)
    except DeviceMissing:
        raise
    except Exception as error:
        raise ModelError(f"model {name} version {number} cannot be opened: {str(error)[:200]}") from error
    return Model(name, number, columns, session)


def matrix(rows: pa.Table, columns: tuple[str, ...]) -> Floats:
    """The input vectors, float32 of shape (rows, columns); null becomes NaN."""
    out = np.empty((rows.num_rows, len(columns)), np.float32)
    for place, name in enumerate(columns):
        out[:, place] = rows[name].cast(pa.float64(), safe=False).to_numpy()
    return out


def _difference(found: tuple[str, ...], expected: tuple[str, ...]) -> str:
    missing, extra = sorted(set(expected) - set(found)), sorted(set(found) - set(expected))
    if not missing and not extra:
        return "the same columns in another order"
    return f"it lacks {', '.join(missing) or 'nothing'} and has {', '.join(extra) or 'nothing'} besides"
