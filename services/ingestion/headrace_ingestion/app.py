"""Ingestion as a service."""

from __future__ import annotations

from typing import NoReturn

from headrace.contract.plan import Plan
from headrace.runtime.readers import input_topics
from headrace.runtime.service import Context, Parts, run

from headrace_ingestion.stage import NAME, IngestionStage


def main() -> NoReturn:
    """Run until told to stop."""
    run(NAME, topics, build)


def topics(plan: Plan) -> list[str]:
    """Every topic that is read or written."""
    return [*input_topics(plan, NAME), *map(plan.topics.ingested, plan.pipeline.streams)]


def build(context: Context) -> Parts:
    """The stage and the schemas of what it writes."""
    plan = context.plan
    outputs = {plan.topics.ingested(stream): plan.ingested_schema(stream) for stream in plan.pipeline.streams}
    return Parts(IngestionStage(plan), outputs)
