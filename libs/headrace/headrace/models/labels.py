"""What really happened, joined to the requests it answers."""

from __future__ import annotations

import polars as pl

from headrace.contract.pipeline import Prediction

LABEL = "_label"
_IDENTITY = ["_partition", "_offset", "_row"]


def with_labels(
    requests: pl.DataFrame, events: pl.DataFrame, prediction: Prediction, asked: str, told: str
) -> pl.DataFrame:
    """The requests that have a label, with it as `_label` (bool).

    `requests` and `events` hold the rows of the request and of the label stream; `asked` and `told` name their event
    times. The first event within the label's window after the request counts. Raises ValueError without a label.
    """
    label = prediction.label
    if label is None:
        raise ValueError("the prediction declares no label")
    truth = events.select(*label.by, pl.col(told).alias("_told"), pl.sql_expr(label.value).alias(LABEL))
    joined = requests.join(truth, on=list(label.by), how="inner")
    late = pl.col("_told") - pl.col(asked)
    in_time = (late >= pl.duration()) & (late <= pl.duration(microseconds=label.within))
    matured = joined.filter(in_time, pl.col(LABEL).is_not_null()).sort("_told")
    first = matured.unique(_IDENTITY, keep="first", maintain_order=True)
    return first.drop("_told").sort(asked, *_IDENTITY)
