"""What came of it: counted in the lake and in Kafka, never remembered from the way there."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np
import polars as pl
from headrace.contract.pipeline import Hop
from headrace.contract.plan import Plan
from headrace.lake.read import Lake
from headrace.lake.tables import find_table, lake_tables
from headrace.models.labels import LABEL, with_labels
from headrace.models.metrics import auc, log_loss

from headrace_flights.demo.broker import Broker

PREDICTION = "late_at_departure"
_IDENTITY = ["_partition", "_offset", "_row"]


@dataclass(frozen=True, slots=True)
class Accounts:
    """Rows by table, rejected rows by reason, and raw records that are nowhere (lost) or there twice (duplicated)."""

    rows: dict[str, int]
    quarantined: dict[str, int]
    lost: int
    duplicated: int


@dataclass(frozen=True, slots=True)
class Judged:
    """How good the scores of the live phase were, on matured labels; scores and truth for the plots."""

    auc: float
    log_loss: float
    scores: np.ndarray[tuple[int], np.dtype[np.float32]]
    truth: np.ndarray[tuple[int], np.dtype[np.bool_]]


def accounts(plan: Plan, lake: Lake, broker: Broker) -> Accounts:
    """Count every table, and hold the ingested rows and their rejections against the raw topics."""
    rows: dict[str, int] = {}
    for table in lake_tables(plan):
        rows[f"{table.hop}/{table.name}"] = int(lake.scan(table)[0].select(pl.len()).collect().item())
    rejected = lake.scan(find_table(plan, Hop.QUARANTINE, "all"))[0].collect()
    reasons = rejected.group_by("reason").len().sort("reason")
    lost = duplicated = 0
    for stream in plan.pipeline.streams:
        found = lake.scan(find_table(plan, Hop.INGESTED, stream))[0].select(_IDENTITY).collect()
        refused = rejected.filter(stage="ingestion", stream=stream).select(_IDENTITY)
        there = pl.concat([found, refused])
        raw = sum(broker.ends(plan.topics.raw(stream)).values())
        distinct = there.unique()
        lost += raw - distinct.select("_partition", "_offset").unique().height
        duplicated += there.height - distinct.height
    answers = lake.scan(find_table(plan, Hop.PREDICTIONS, PREDICTION))[0].select(_IDENTITY).collect()
    duplicated += answers.height - answers.unique().height
    requests = rows[f"{Hop.FEATURES}/{PREDICTION}"]
    unscored = rejected.filter(stage="inference").height
    lost += requests - answers.unique().height - unscored
    return Accounts(rows, dict(zip(reasons["reason"], reasons["len"], strict=True)), lost, duplicated)


def judged(plan: Plan, lake: Lake, live: datetime) -> Judged:
    """The live predictions against what really happened."""
    spec = plan.pipeline.predictions[PREDICTION]
    assert spec.label is not None
    asked = plan.pipeline.streams[spec.on].event_time
    told = plan.pipeline.streams[spec.label.source].event_time
    scored = lake.scan(find_table(plan, Hop.PREDICTIONS, PREDICTION))[0].filter(pl.col(asked) >= live).collect()
    landed = lake.scan(find_table(plan, Hop.CLEANED, spec.label.source))[0].filter(pl.col(told) >= live).collect()
    known = with_labels(scored, landed, spec, asked, told)
    truth, scores = known[LABEL].to_numpy(), known["score"].to_numpy()
    return Judged(auc(truth, scores), log_loss(truth, scores), scores, truth)


def latencies(plan: Plan, broker: Broker, live_from: dict[int, int]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Milliseconds from the raw record to its prediction, both by Kafka's clock, for the live phase.

    `live_from` gives the first live offset of each raw partition.
    """
    spec = plan.pipeline.predictions[PREDICTION]
    raw = broker.times(plan.topics.raw(spec.on))
    begins = pl.DataFrame({"_partition": list(live_from), "begin": list(live_from.values())})
    live = raw.join(begins, on="_partition").filter(pl.col("_offset") >= pl.col("begin"))
    answered = broker.row_times(plan.topics.predictions(PREDICTION))
    both = live.join(answered, on=["_partition", "_offset"], suffix="_answer")
    return (both["time_answer"] - both["time"]).to_numpy().astype(np.float64)
