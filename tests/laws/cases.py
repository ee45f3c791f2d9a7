"""Every stage with an input that exercises it: a new stage is one more case."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from headrace.contract.pipeline import Pipeline
from headrace.contract.plan import Plan, make_plan
from headrace.models.session import Model
from headrace.runtime.stage import Arrival, Item, Record, Stage
from headrace.store.memory import MemoryStore
from headrace.wire.headers import Progress
from headrace.wire.origin import OriginKey
from headrace_cleaning.stage import CleaningStage
from headrace_feature_engineering.stage import FeatureStage
from headrace_inference.current import CurrentModels
from headrace_inference.stage import InferenceStage
from headrace_ingestion.stage import IngestionStage

SECOND = 1_000_000


def _plan() -> Plan:
    columns = {"id": "string", "at": "timestamp", "shop": "string", "town": "string", "amount": "float32"}
    clean = [
        {"drop_duplicates": {"by": ["id"], "within": "1h"}},
        {"filter": "amount <> 13"},
        {"require": {"name": "paid", "that": "amount > 0"}},
        {"derive": {"double": "amount * 2"}},
    ]
    view = {"from": "orders", "hop": "10s", "windows": ["1m", "10m"], "values": {"amount": ["count", "mean", "max"]}}
    return make_plan(
        Pipeline.model_validate(
            {
                "headrace": 1,
                "name": "shop",
                "streams": {"orders": {"event_time": "at", "columns": columns, "clean": clean}},
                "features": {"by_shop": view | {"key": ["shop"]}, "by_town": view | {"key": ["town"]}},
                "predictions": {
                    "big": {
                        "on": "orders",
                        "key": "id",
                        "inputs": ["amount"],
                        "features": ["by_shop", "by_town"],
                        "model": "big",
                    }
                },
            }
        )
    )


PLAN = _plan()
PARTITIONS = dict.fromkeys(
    [PLAN.topics.raw("orders"), PLAN.topics.ingested("orders"), *(log.topic for log in PLAN.logs)], 3
)


@dataclass(frozen=True)
class Case:
    """A stage, an input partition of it, items for that partition, and one item whose row must be rejected."""

    stage: Stage
    topic: str
    items: Sequence[Item]
    poison: Callable[[int], Item] | None  # None: this stage has nothing to reject
    keeps_all: frozenset[str]  # outcomes that account for rows which are neither kept nor rejected


def _records() -> list[Item]:
    dice = np.random.default_rng(1)
    items: list[Item] = []
    for offset in range(60):
        order = {
            "id": f"o{dice.integers(40)}",
            "at": f"2024-01-01T00:{dice.integers(10):02d}:{dice.integers(60):02d}Z",
            "shop": f"s{dice.integers(4)}",
            "town": f"t{dice.integers(3)}",
            "amount": float(dice.integers(1, 20)),
        }
        items.append(Record(offset, 1_704_067_200_000, json.dumps(order).encode()))
    return items


def _arrivals(schema: pa.Schema, origins: Sequence[OriginKey], *, log: bool) -> list[Item]:
    """Messages of several rows, now and then none, from each origin in turn, each some way further."""
    dice = np.random.default_rng(2)
    items: list[Item] = []
    for offset in range(60):
        count = int(dice.integers(0, 6))
        base = 1_704_067_200 * SECOND + offset * 20 * SECOND
        times = base + dice.integers(0, 60, count) * SECOND
        rows = {
            "id": [f"o{dice.integers(80)}" for _ in range(count)],
            ("_time" if log else "at"): times.tolist(),
            "shop": [f"s{dice.integers(4)}" for _ in range(count)],
            "town": [f"t{dice.integers(3)}" for _ in range(count)],
            "amount": [float(dice.integers(1, 20)) for _ in range(count)],
            "_stream": ["orders"] * count,
            "_partition": [0] * count,
            "_offset": [offset] * count,
            "_row": list(range(count)),
        }
        arrays = [pa.array(rows[f.name], f.type) if f.name in rows else pa.nulls(count, f.type) for f in schema]
        table = pa.Table.from_arrays(arrays, schema=schema)
        progress = Progress(int(base), behind=bool(dice.integers(0, 4)))
        items.append(Arrival(offset, 5, origins[offset % len(origins)], progress, table))
    return items


class Tenth(Model):
    """A model that anybody can check: a tenth of the amount, and no score for a negative one."""

    def __init__(self) -> None:
        self.name = "big"
        self.number = 1

    def score(self, rows: pa.Table) -> npt.NDArray[np.float32]:
        amounts = rows["amount"].to_numpy().astype(np.float32)
        return np.where(amounts < 0, np.float32(np.nan), amounts / np.float32(10))


class Always(CurrentModels):
    """The one model there is, always in force."""

    def get(self, prediction: str) -> Model:
        return Tenth()

    def load(self, prediction: str, number: int) -> Model:
        return Tenth()


def _requests() -> list[Item]:
    """Request rows as feature engineering writes them, their features unknown yet."""
    schema = PLAN.features_schema("big")
    dice = np.random.default_rng(3)
    items: list[Item] = []
    for offset in range(60):
        rows = [_request(offset, row, float(dice.integers(1, 20))) for row in range(int(dice.integers(0, 6)))]
        table = pa.Table.from_pylist(rows, schema=schema)
        origin = OriginKey("feature_engineering", PLAN.logs[-1].topic, 0)
        items.append(Arrival(offset, 5, origin, Progress(offset, behind=bool(dice.integers(0, 4))), table))
    return items


def _request(offset: int, row: int, amount: float) -> dict[str, object]:
    at = (1_704_067_200 + offset) * SECOND
    known = {"id": f"o{offset}.{row}", "at": at, "shop": "s0", "town": "t0", "amount": amount}
    return known | {"_partition": 0, "_offset": offset, "_row": row}


def _bad_request(offset: int) -> Item:
    table = pa.Table.from_pylist([_request(offset, 99, -1.0)], schema=PLAN.features_schema("big"))
    origin = OriginKey("feature_engineering", PLAN.logs[-1].topic, 0)
    return Arrival(offset, 5, origin, Progress(None, behind=True), table)


def _bad_record(offset: int) -> Item:
    return Record(offset, 1_704_067_200_000, b'{"id": 1}')


def _bad_order(offset: int) -> Item:
    schema = PLAN.ingested_schema("orders")
    row = {"id": "poison", "at": 1_704_067_200 * SECOND, "shop": "s0", "town": "t0", "amount": -1.0}
    table = pa.Table.from_pylist([row | {"_partition": 0, "_offset": offset, "_row": 0}], schema=schema)
    origin = OriginKey("ingestion", PLAN.topics.raw("orders"), 0)
    return Arrival(offset, 5, origin, Progress(0, behind=True), table)


def _cases() -> dict[str, Case]:
    ingestion, cleaning = IngestionStage(PLAN), CleaningStage(PLAN, PARTITIONS)
    features = FeatureStage(PLAN, PARTITIONS)
    raw, ingested = PLAN.topics.raw("orders"), PLAN.topics.ingested("orders")
    cases = {
        "ingestion": Case(ingestion, raw, _records(), _bad_record, frozenset()),
        "cleaning": Case(
            cleaning,
            ingested,
            _arrivals(PLAN.ingested_schema("orders"), cleaning.origins(ingested, 0), log=False),
            _bad_order,
            frozenset({"filtered", "duplicates"}),
        ),
    }
    models = Always(PLAN, MemoryStore(), 1)
    asked = PLAN.topics.features("big")
    cases["inference"] = Case(InferenceStage(PLAN, models), asked, _requests(), _bad_request, frozenset())
    for number, log in enumerate(PLAN.logs, 1):
        items = _arrivals(log.schema, features.origins(log.topic, 0), log=True)
        cases[f"features, log {number}"] = Case(features, log.topic, items, None, frozenset())
    return cases


CASES = _cases()
