"""Cleaning as a service."""

from __future__ import annotations

from typing import NoReturn

import pyarrow as pa
from headrace.contract.plan import Plan
from headrace.runtime.readers import input_topics
from headrace.runtime.service import Context, Parts, run

from headrace_cleaning.stage import NAME, CleaningStage


def main() -> NoReturn:
    """Run until told to stop."""
    run(NAME, topics, build)


def topics(plan: Plan) -> list[str]:
    """Every topic that is read or written."""
    return [*input_topics(plan, NAME), *outputs(plan)]


def outputs(plan: Plan) -> dict[str, pa.Schema]:
    """The topics that are written and their schemas: the first log, and a clean topic for what travels no log."""
    clean = [stream for stream in plan.pipeline.streams if not plan.travels(stream)]
    first = {log.topic: log.schema for log in plan.logs[:1]}
    return first | {plan.topics.clean(stream): plan.cleaned_schema(stream) for stream in clean}


def build(context: Context) -> Parts:
    """The stage and the schemas of what it writes."""
    return Parts(CleaningStage(context.plan, context.partitions), outputs(context.plan))
