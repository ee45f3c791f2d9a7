"""What the pipeline file is worth, found out in a minute and without Kafka: the place to try a view.

The year goes through the services' own stages in memory, a model learns from the months before `LIVE`, and is judged
on the rest: what the demo does, so the figures must agree.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import polars as pl
from headrace.contract.plan import Plan
from headrace.features.engine import Engine
from headrace.models.labels import LABEL, with_labels
from headrace.models.metrics import auc, log_loss
from headrace.models.session import build
from headrace.models.training import train

from headrace_flights.in_memory import Travelled, travel

LIVE = datetime(2013, 11, 1, tzinfo=UTC)
LEAK = 0.937
"""An AUC that nobody can have honestly: a model that knows arrivals by departure time gets 0.943."""


@dataclass(frozen=True, slots=True)
class Experiment:
    """The figures of one run; `rows_per_second` is of all rows that travel, from raw JSON to features."""

    rejected: Mapping[str, int]
    rows: int
    rows_per_second: float
    trained_on: int
    trees: int
    judged_on: int
    auc: float
    log_loss: float


def experiment(plan: Plan, prediction: str, records: pl.DataFrame, live: datetime = LIVE, seed: int = 1) -> Experiment:
    """Learn from what was known before `live` and judge on later requests; `records` are those of `merged_records`.

    Raises ModelError for too few rows.
    """
    Engine.compile()
    raw = {name: records.filter(stream=name)["value"].to_list() for name in plan.logs[0].streams}
    began = time.monotonic()
    travelled = travel(plan, raw)
    seconds = time.monotonic() - began
    rows = sum(map(len, raw.values()))
    known = labelled(plan, prediction, travelled, before=live)
    columns = plan.model_inputs(prediction)
    trained = train(known, columns, seed=seed, threads=os.cpu_count() or 1)
    asked = plan.pipeline.streams[plan.pipeline.predictions[prediction].on].event_time
    later = labelled(plan, prediction, travelled).filter(pl.col(asked) >= live)
    scores = build(prediction, 0, columns, trained.onnx).score(later.to_arrow())
    truth = later[LABEL].to_numpy()
    return Experiment(
        rejected=_reasons(travelled),
        rows=rows,
        rows_per_second=rows / seconds,
        trained_on=known.height,
        trees=int(trained.metrics["trees"]),
        judged_on=later.height,
        auc=auc(truth, scores),
        log_loss=log_loss(truth, scores),
    )


def labelled(plan: Plan, prediction: str, travelled: Travelled, before: datetime | None = None) -> pl.DataFrame:
    """The requests with their features and labels, in event-time order; `before`: as known at that instant."""
    spec = plan.pipeline.predictions[prediction]
    if spec.label is None:
        raise ValueError(f"{prediction} declares no label")
    asked = plan.pipeline.streams[spec.on].event_time
    told = plan.pipeline.streams[spec.label.source].event_time
    requests = pl.DataFrame(travelled.features[prediction])
    events = pl.DataFrame(travelled.cleaned[spec.label.source])
    if before is not None:
        requests, events = requests.filter(pl.col(asked) < before), events.filter(pl.col(told) < before)
    return with_labels(requests, events, spec, asked, told)


def _reasons(travelled: Travelled) -> dict[str, int]:
    counts = pl.DataFrame(travelled.rejected).group_by("stream", "reason", "rule").len().sort(pl.all())
    return {f"{stream}: {reason} ({rule})": count for stream, reason, rule, count in counts.iter_rows()}
