"""Each service's part of a pipeline file says all that the service does, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import deepcopy
from functools import reduce
from pathlib import Path
from typing import Any

import headrace_cleaning.app as cleaning
import headrace_feature_engineering.app as feature_engineering
import headrace_inference.app as inference
import headrace_ingestion.app as ingestion
import headrace_lake.app as lake
import pytest
from headrace.contract.pipeline import Pipeline
from headrace.contract.plan import Plan, make_plan
from headrace.contract.projection import SERVICES, project
from headrace.contract.topic_list import plan_topics
from headrace.contract.yaml_lines import read_yaml
from headrace.lake.tables import lake_tables
from headrace.models.manifest import inputs_of
from headrace.runtime.stage import Stage
from headrace.store.memory import MemoryStore
from headrace_cleaning.stage import CleaningStage
from headrace_feature_engineering.routes import exits_of, requests_of, views_of
from headrace_feature_engineering.stage import FeatureStage
from headrace_inference.current import CurrentModels
from headrace_inference.stage import InferenceStage
from headrace_ingestion.stage import IngestionStage
from hypothesis import given, settings
from hypothesis import strategies as st

Mapped = dict[str, Any]

ROOT = Path(__file__).parents[3]
FLIGHTS_FILE = ROOT / "examples/flights/headrace_flights/flights.yaml"
CAMPAIGN_FILE = ROOT / "tests/rig/campaign/pipeline.yaml"
PIPELINES: dict[str, Mapped] = {
    "flights": read_yaml(FLIGHTS_FILE.read_text()).data,
    "campaign": read_yaml(CAMPAIGN_FILE.read_text()).data,
}


def _stage_facts(stage: Stage) -> list[object]:
    return [(source, stage.origins(source.topic, 1), stage.listeners(source.topic, 1)) for source in stage.inputs()]


def _ingestion(plan: Plan) -> object:
    streams = {n: (s.format, s.event_time, s.columns, s.max_ahead) for n, s in plan.pipeline.streams.items()}
    return ingestion.topics(plan), _stage_facts(IngestionStage(plan)), streams


def _cleaning(plan: Plan) -> object:
    streams = {n: (s.event_time, s.clean, plan.cleaned_schema(n)) for n, s in plan.pipeline.streams.items()}
    first = [(log.column, log.topic, log.schema, log.streams) for log in plan.logs[:1]]
    return (
        cleaning.topics(plan),
        cleaning.outputs(plan),
        _stage_facts(CleaningStage(plan, _counts(plan))),
        streams,
        first,
    )


def _feature_engineering(plan: Plan) -> object:
    logs = [(log, views_of(plan, log), requests_of(plan, log), exits_of(plan, log)) for log in plan.logs]
    stage = _stage_facts(FeatureStage(plan, _counts(plan)))
    return feature_engineering.topics(plan), feature_engineering.outputs(plan), stage, logs, plan.pipeline.waiting_rows


def _inference(plan: Plan) -> object:
    stage = InferenceStage(plan, CurrentModels(plan, MemoryStore(), 1))
    asked = {
        n: (p.on, p.key, p.model, plan.model_inputs(n), plan.predictions_schema(n), inputs_of(plan, n),
            plan.pipeline.streams[p.on].event_time)
        for n, p in plan.pipeline.predictions.items()
    }  # fmt: skip
    return inference.topics(plan), _stage_facts(stage), asked


def _lake(plan: Plan) -> object:
    return lake.topics(plan), lake_tables(plan)


FACTS: Mapping[str, Callable[[Plan], object]] = {
    "ingestion": _ingestion,
    "cleaning": _cleaning,
    "feature-engineering": _feature_engineering,
    "inference": _inference,
    "lake": _lake,
}


def _counts(plan: Plan) -> dict[str, int]:
    """The partitions of each topic, as the broker would say: those of the whole file."""
    return dict.fromkeys(plan_topics(plan), plan.pipeline.partitions)


def _facts(pipeline: Mapped, service: str) -> object:
    plan = make_plan(Pipeline.model_validate(pipeline))
    common = (plan.topics, plan.pipeline.quarantine, plan.pipeline.partitions)
    return common, FACTS[service](plan)


def _set(pipeline: Mapped, path: str, value: object) -> Mapped:
    changed = deepcopy(pipeline)
    *parents, last = path.split("/")
    parent = reduce(lambda part, key: part.setdefault(key, {}), parents, changed)
    parent[last] = value
    return changed


CHANGES: dict[str, tuple[Callable[[Mapped], Mapped], set[str]]] = {
    "a window": (
        lambda f: _set(f, "features/origin_departures/windows", ["1h", "6h"]),
        {"feature-engineering", "inference", "lake"},
    ),
    "a view's delay": (
        lambda f: _set(f, "features/origin_departures/delay", "5m"),
        {"feature-engineering", "inference"},
    ),
    "a view's key": (
        lambda f: _set(f, "features/carrier_departures/key", ["carrier", "origin"]),
        {"cleaning", "feature-engineering", "inference", "lake"},
    ),
    "a model's name": (lambda f: _set(f, "predictions/late_at_departure/model", "other"), {"inference"}),
    "a label": (lambda f: _set(f, "predictions/late_at_departure/label/within", "12h"), set()),
    "a model's inputs": (
        lambda f: _set(f, "predictions/late_at_departure/inputs", ["dep_delay"]),
        {"inference", "lake"},
    ),
    "a range that is checked": (
        lambda f: _set(f, "streams/departures/columns/dep_delay/between", [-60, 600]),
        {"ingestion"},
    ),
    "a format": (lambda f: _set(f, "streams/weather/format", "csv"), {"ingestion"}),
    "a requirement": (
        lambda f: _set(f, "streams/weather/clean", [{"require": {"name": "warm", "that": "temp > 0"}}]),
        {"cleaning"},
    ),
    "rows that may wait": (lambda f: _set(f, "waiting_rows", 10), {"feature-engineering"}),
    "the quarantine's limit": (lambda f: _set(f, "quarantine", {"rows": 5}), set(SERVICES)),
    "another stream that nobody reads": (
        lambda f: _set(f, "streams/gates", {"event_time": "at", "columns": {"at": "timestamp"}}),
        {"ingestion", "cleaning", "lake"},
    ),
}


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("name", PIPELINES)
def test_a_service_does_the_same_with_its_part_as_with_the_whole_file(name: str, service: str) -> None:
    whole = PIPELINES[name]
    assert _facts(project(whole, service), service) == _facts(whole, service)


@pytest.mark.parametrize("service", SERVICES)
def test_a_part_of_a_part_is_that_part(service: str) -> None:
    part = project(PIPELINES["flights"], service)
    assert project(part, service) == part


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_of_the_file_is_a_change_for_those_whom_it_concerns(change: str) -> None:
    # Given a file and the same with one thing changed
    edit, expected = CHANGES[change]
    before, after = PIPELINES["flights"], edit(PIPELINES["flights"])
    # Then the parts that differ are those of the services named beside the change
    assert {each for each in SERVICES if project(before, each) != project(after, each)} == expected


def test_a_lake_of_cleaned_rows_does_not_see_windows() -> None:
    narrow = _set(PIPELINES["flights"], "lake", ["cleaned", "quarantine"])
    wider = _set(narrow, "features/origin_departures/windows", ["12h"])
    assert project(narrow, "lake") == project(wider, "lake")


def test_how_a_derived_column_is_computed_concerns_cleaning_alone_where_the_lake_keeps_no_ingested_rows() -> None:
    narrow = _set(PIPELINES["flights"], "lake", ["cleaned", "predictions"])
    other = deepcopy(narrow)
    other["streams"]["departures"]["clean"][2]["derive"]["out_hour"] = "CAST(1 AS FLOAT)"
    assert {each for each in SERVICES if project(narrow, each) != project(other, each)} == {"cleaning"}


def test_an_event_time_that_is_derived_is_kept_as_it_is() -> None:
    # Given a stream whose cleaning computes its event time: a column that nobody can declare
    derived = deepcopy(PIPELINES["flights"])
    derived["streams"]["departures"]["clean"].append({"derive": {"off_block": "scheduled_out"}})
    for service in SERVICES:
        assert _facts(project(derived, service), service) == _facts(derived, service)


HOPS = ["ingested", "cleaned", "features", "predictions", "quarantine"]


@given(data=st.data(), service=st.sampled_from(SERVICES), name=st.sampled_from(sorted(PIPELINES)))
@settings(max_examples=60, deadline=None)
def test_whatever_a_file_leaves_out_its_parts_say_what_it_says(data: st.DataObject, service: str, name: str) -> None:
    # Given a file from which views, the prediction, clean steps and hops of the lake have been taken at random
    whole = deepcopy(PIPELINES[name])
    kept = set(data.draw(st.lists(st.sampled_from(sorted(whole["features"])), unique=True)))
    whole["features"] = {view: part for view, part in whole["features"].items() if view in kept}
    for prediction in whole["predictions"].values():
        prediction["features"] = [view for view in prediction["features"] if view in kept]
    if data.draw(st.booleans()):
        whole["predictions"] = {}
    whole["lake"] = data.draw(st.lists(st.sampled_from(HOPS), unique=True))
    if not whole["predictions"] and not whole["features"]:
        for stream in whole["streams"].values():
            stream["clean"] = stream.get("clean", [])[: data.draw(st.integers(0, 2))]
    # Then its part says the same to the service
    assert _facts(project(whole, service), service) == _facts(whole, service)
