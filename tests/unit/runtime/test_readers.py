"""Who reads what is said in one place, and the stages read just that."""

from __future__ import annotations

import pytest
from headrace.contract.load import load_pipeline
from headrace.contract.plan import Plan, make_plan
from headrace.contract.topic_list import plan_topics
from headrace.runtime.readers import SERVICES, group_name, input_topics
from headrace.runtime.stage import Stage
from headrace.store.memory import MemoryStore
from headrace_cleaning.stage import CleaningStage
from headrace_feature_engineering.stage import FeatureStage
from headrace_inference.current import CurrentModels
from headrace_inference.stage import InferenceStage
from headrace_ingestion.stage import IngestionStage
from rig.flights import pipeline


@pytest.fixture
def plan() -> Plan:
    """The flights: streams, two logs, a prediction."""
    return make_plan(load_pipeline(pipeline(), "flights.yaml"))


def test_each_stage_reads_what_its_group_is_said_to_read(plan: Plan) -> None:
    partitions = plan_topics(plan)
    stages: list[Stage] = [
        IngestionStage(plan),
        CleaningStage(plan, partitions),
        FeatureStage(plan, partitions),
        InferenceStage(plan, CurrentModels(plan, MemoryStore(), 1)),
    ]
    for stage in stages:
        assert [source.topic for source in stage.inputs()] == input_topics(plan, stage.name), stage.name


def test_every_reader_has_topics_of_the_pipeline_and_a_group_of_its_own(plan: Plan) -> None:
    assert all(set(input_topics(plan, service)) <= plan_topics(plan).keys() for service in SERVICES)
    assert len({group_name(plan, service) for service in SERVICES}) == len(SERVICES)
