"""Who reads what: the input topics and the consumer group of every service, in one place."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from headrace.contract.plan import Plan
from headrace.lake.tables import lake_tables

_INPUTS: Mapping[str, Callable[[Plan], list[str]]] = {
    "ingestion": lambda plan: [plan.topics.raw(stream) for stream in plan.pipeline.streams],
    "cleaning": lambda plan: [plan.topics.ingested(stream) for stream in plan.pipeline.streams],
    "feature_engineering": lambda plan: [log.topic for log in plan.logs],
    "inference": lambda plan: [plan.topics.features(prediction) for prediction in plan.pipeline.predictions],
    "lake": lambda plan: list(dict.fromkeys(table.topic for table in lake_tables(plan))),
}

SERVICES = tuple(_INPUTS)
"""Every service that reads topics, in the order of the path."""


def input_topics(plan: Plan, service: str) -> list[str]:
    """The topics that a service's group reads; none where the pipeline gives it nothing to do."""
    return _INPUTS[service](plan)


def group_name(plan: Plan, service: str) -> str:
    """The consumer group of a service: one for each pipeline of each tenant."""
    return f"{plan.topics.prefix}.{service}"
