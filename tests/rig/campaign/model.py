"""A model of one line, published as the suite publishes its own: a weighted sum of what is there.

A picky one gives no finite score where its first input is below 1, so that requests which no model can take are among
the rest.
"""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
from headrace.contract.plan import Plan
from headrace.models.manifest import Manifest, Training, inputs_of
from headrace.models.registry import MODEL, SAMPLE, Registry
from headrace.models.session import SCORE, build
from onnx import TensorProto, checker, helper, numpy_helper

_OPSET = 17
_IR = 9
_SAMPLE_ROWS = 16


def publish(plan: Plan, prediction: str, registry: Registry, seed: int, *, picky: bool = True) -> int:
    """Publish a version whose weights follow from the seed, make it champion, return its number."""
    inputs = inputs_of(plan, prediction)
    body = onnx_of(len(inputs.columns), seed, picky=picky)
    rows = np.random.default_rng(seed).uniform(1, 100, (_SAMPLE_ROWS, len(inputs.columns))).astype(np.float32)
    scores = build("candidate", 0, inputs.columns, body).score_matrix(rows)
    table = pa.table({name: rows[:, at] for at, name in enumerate(inputs.columns)} | {SCORE: scores})
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    manifest = Manifest(
        name=plan.pipeline.predictions[prediction].model,
        files={},
        inputs=inputs,
        training=Training(tables={}, rows=0, first="", last="", seed=seed, params={}, commit=""),
        metrics={},
        created=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    number = registry.publish(manifest, {MODEL: body, SAMPLE: sink.getvalue().to_pybytes()})
    registry.point(manifest.name, "champion", number)
    return number


def onnx_of(width: int, seed: int, *, picky: bool = True) -> bytes:
    """s / (1 + |s|), for a picky one + 0 · sqrt(first input - 1); s is the sum of weight · input where there is one.

    Nothing but IEEE arithmetic, one input after the other: with onnxruntime's Sigmoid and ReduceSum the last bits of a
    row's score depend on its place in the batch, and on how large that is.
    """
    weights = np.random.default_rng(seed).uniform(-1, 1, width).astype(np.float32) / np.float32(100)
    constants = {
        "weights": weights,
        "zero": np.float32(0),
        "one": np.float32(1),
        "widths": np.ones(width, np.int64),
    }
    inputs, terms = [f"input{at}" for at in range(width)], [f"term{at}" for at in range(width)]
    nodes = [
        helper.make_node("IsNaN", ["inputs"], ["absent"]),
        helper.make_node("Where", ["absent", "zero", "inputs"], ["present"]),
        helper.make_node("Mul", ["present", "weights"], ["weighed"]),
        helper.make_node("Split", ["weighed", "widths"], terms, axis=1),
        helper.make_node("Sum", terms, ["total"]),
        helper.make_node("Abs", ["total"], ["size"]),
        helper.make_node("Add", ["size", "one"], ["more"]),
        helper.make_node("Div", ["total", "more"], ["likely"]),
        helper.make_node("Split", ["inputs", "widths"], inputs, axis=1),
        helper.make_node("Sub", [inputs[0], "one"], ["above"]),
        helper.make_node("Sqrt" if picky else "Abs", ["above"], ["root"]),
        helper.make_node("Mul", ["root", "zero"], ["nothing"]),
        helper.make_node("Add", ["likely", "nothing"], ["score"]),
    ]
    graph = helper.make_graph(
        nodes,
        "campaign",
        [helper.make_tensor_value_info("inputs", TensorProto.FLOAT, [None, width])],
        [helper.make_tensor_value_info("score", TensorProto.FLOAT, [None, 1])],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", _OPSET)], ir_version=_IR)
    checker.check_model(model)
    body: bytes = model.SerializeToString()
    return body
