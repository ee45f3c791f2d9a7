"""From labelled rows to a model that scores the same wherever it is opened."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from headrace.contract.errors import ModelError
from headrace.contract.pipeline import Label, Prediction
from headrace.models.labels import LABEL, with_labels
from headrace.models.manifest import Inputs, Manifest, Training, digest
from headrace.models.metrics import auc, log_loss
from headrace.models.registry import MODEL, SAMPLE, Version
from headrace.models.session import SCORE, open_model
from headrace.models.training import Trained, train

COLUMNS = ("a", "b", "c")
START = datetime(2024, 1, 1, tzinfo=UTC)


def rows(count: int = 3000) -> pl.DataFrame:
    """A label that follows a and b, with noise; c has nulls and says nothing."""
    dice = np.random.default_rng(5)
    a, b, c = dice.normal(size=(3, count))
    truth = a + 0.5 * b + dice.normal(scale=0.5, size=count) > 0
    frame = pl.DataFrame({"a": a, "b": b, "c": c, LABEL: truth})
    return frame.with_columns(c=pl.when(pl.col("c") > 1).then(None).otherwise(pl.col("c")))


@pytest.fixture(scope="module")
def trained() -> Trained:
    return train(rows(), COLUMNS, seed=1, threads=1)


def version(trained: Trained, **change: bytes) -> Version:
    files = {MODEL: trained.onnx, SAMPLE: trained.sample} | change
    manifest = Manifest(
        name="m",
        files={name: digest(body) for name, body in files.items()},
        inputs=Inputs(columns=COLUMNS, views="v"),
        training=Training(tables={}, rows=1, first="", last="", seed=1, params={}, commit=""),
        metrics=trained.metrics,
        created="",
    )
    return Version(1, manifest, files)


def test_it_learns_what_there_is_to_learn(trained: Trained) -> None:
    assert trained.metrics["auc"] > 0.9
    assert trained.metrics["parity"] <= 1e-5


def test_the_same_rows_and_seed_give_the_same_model(trained: Trained) -> None:
    assert train(rows(), COLUMNS, seed=1, threads=1).metrics == trained.metrics


def test_an_opened_model_scores_rows_with_and_without_values(trained: Trained) -> None:
    model = open_model(version(trained), Inputs(columns=COLUMNS, views="v"))
    scores = model.score(pl.DataFrame({"a": [2.0, -2.0], "b": [1.0, -1.0], "c": [None, 0.0]}).to_arrow())
    assert scores[0] > 0.9 > 0.1 > scores[1]


@pytest.mark.parametrize(
    ("expected", "message"),
    [
        (Inputs(columns=("a", "b", "d"), views="v"), "lacks d and has c besides"),
        (Inputs(columns=("b", "a", "c"), views="v"), "another order"),
        (Inputs(columns=COLUMNS, views="w"), "other definitions"),
    ],
)
def test_a_model_for_other_inputs_is_refused(trained: Trained, expected: Inputs, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        open_model(version(trained), expected)


def test_a_model_that_scores_its_sample_otherwise_is_refused(trained: Trained) -> None:
    other = train(rows().with_columns(~pl.col(LABEL)), COLUMNS, seed=1, threads=1)
    with pytest.raises(ModelError, match="its own sample otherwise"):
        open_model(version(trained, **{MODEL: other.onnx}), Inputs(columns=COLUMNS, views="v"))


def test_bytes_that_are_no_model_are_refused(trained: Trained) -> None:
    with pytest.raises(ModelError, match="cannot be opened"):
        open_model(version(trained, **{MODEL: b"junk"}), Inputs(columns=COLUMNS, views="v"))


def test_too_few_rows_or_only_one_outcome_are_refused() -> None:
    with pytest.raises(ModelError, match="too few"):
        train(rows(100), COLUMNS, seed=1, threads=1)
    with pytest.raises(ModelError, match="too few"):
        train(rows().with_columns(pl.lit(value=True).alias(LABEL)), COLUMNS, seed=1, threads=1)


def test_the_sample_carries_its_scores(trained: Trained) -> None:
    assert SCORE in pl.read_ipc_stream(trained.sample).columns


def test_auc_and_log_loss_by_hand() -> None:
    truth = np.array([True, False, True, False])
    assert auc(truth, np.array([0.9, 0.1, 0.5, 0.5])) == pytest.approx((1 + 1 + 1 + 0.5) / 4)
    assert np.isnan(auc(np.array([True, True]), np.array([0.1, 0.2])))
    assert log_loss(np.array([True, False]), np.array([0.5, 0.5])) == pytest.approx(np.log(2))


def test_a_label_is_the_first_event_in_its_window() -> None:
    # Given three requests, and events of which some come too early, too late, or again
    label = Label.model_validate({"from": "landed", "by": ["id"], "value": "delay > 15", "within": "2h"})
    prediction = Prediction.model_validate({"on": "left", "key": "id", "inputs": ["x"], "model": "m", "label": label})
    identity = {"_partition": 0, "_row": 0}
    requests = pl.DataFrame(
        [{"id": name, "at": START, "_offset": n, **identity} for n, name in enumerate(("a", "b", "c"))]
    )
    told = [
        ("a", timedelta(hours=-1), 99),
        ("a", timedelta(minutes=30), 10),
        ("a", timedelta(minutes=60), 99),
        ("b", timedelta(hours=3), 99),
        ("c", timedelta(hours=2), 16),
    ]
    events = pl.DataFrame([{"id": i, "landed": START + after, "delay": delay} for i, after, delay in told])
    # When they are joined
    found = with_labels(requests, events, prediction, "at", "landed")
    # Then each request has the first event within two hours, and b has none
    assert found.select("id", LABEL).rows() == [("a", False), ("c", True)]
