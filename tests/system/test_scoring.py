"""Models on real parts: trained from the lake, swapped without a restart, crashed without a trace."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import polars as pl
from headrace.cli.train import fit_and_publish, labelled
from headrace.lake.read import Lake
from headrace.local.stack import Endpoints
from headrace.models.registry import Registry
from headrace.store.s3 import S3Store
from rig.flights import february, pipeline, send
from rig.judge import judge, rows_of
from rig.lake import lake_rows
from rig.suite import Suite

SERVICES = ("ingestion", "cleaning", "feature_engineering", "inference", "lake")
QUICK = {"HEADRACE_LAKE_FLUSH_SECONDS": "2", "HEADRACE_MODEL_POLL_SECONDS": "0.5"}
PREDICTION = "late_at_departure"


def test_a_model_is_trained_swapped_and_crashed_and_every_request_is_scored_once(
    endpoints: Endpoints, tmp_path: Path
) -> None:
    records = february()
    half = records.height // 2
    later = records[half:]
    with Suite(pipeline(), endpoints, tmp_path, services=SERVICES, settings=QUICK, waits_for_model=True) as suite:
        settings = endpoints.store
        registry = Registry(S3Store(settings), suite.plan.pipeline.tenant)
        scored = suite.plan.topics.predictions(PREDICTION)

        def publish(seed: int) -> int:
            rows, tables = labelled(suite.plan, PREDICTION, Lake(settings))
            return fit_and_publish(suite.plan, PREDICTION, rows, tables, registry, seed=seed)[0]

        def answers() -> int:
            return judge(endpoints.kafka, scored).rows.total()

        # Given half a month in the lake, and an inference service that waits for its first model
        send(suite, records[:half])
        first = departures(records[:half])
        features = suite.plan.topics.features(PREDICTION)
        suite.until(lambda: judge(endpoints.kafka, features).rows.total() >= first, "features of the first half")
        suite.until(lambda: lake_has(suite, first), "features in the lake")
        assert not suite.services["inference"].ready
        # When a model is published, the backlog is scored
        one = publish(seed=1)
        suite.until(lambda: answers() >= first, "predictions of the first half")
        # And when another one becomes champion while rows flow, and the service is killed after that
        quarter = later.height // 2
        send(suite, later[:quarter])
        two = publish(seed=2)
        suite.until(lambda: suite.services["inference"].ready, "inference ready")
        suite.until(lambda: answers() >= first + departures(later[:quarter]), "predictions of the third quarter")
        suite.services["inference"].kill()
        send(suite, later[quarter:])
        suite.services["inference"].start()
        suite.until(lambda: answers() >= departures(records), "all predictions")
        # Then each request has one answer, the last ones from the second version
        verdict = judge(endpoints.kafka, scored)
        assert verdict.doubled == 0
        assert set(verdict.rows) == set(judge(endpoints.kafka, features).rows)
        versions = Counter(rows_of(endpoints.kafka, scored)["version"].to_pylist())
        assert set(versions) == {one, two}
        assert versions[two] >= departures(later[quarter:])


def departures(records: pl.DataFrame) -> int:
    return records.filter(stream="departures").height


def lake_has(suite: Suite, rows: int) -> bool:
    return lake_rows(suite, f"features/{PREDICTION}").total() >= rows
