"""Feature engineering as a service."""

from __future__ import annotations

from typing import NoReturn

import pyarrow as pa
from headrace.contract.plan import Plan
from headrace.features.engine import Engine
from headrace.runtime.readers import input_topics
from headrace.runtime.service import Context, Parts, run

from headrace_feature_engineering.stage import NAME, FeatureStage


def main() -> NoReturn:
    """Run until told to stop."""
    run(NAME, topics, build)


def topics(plan: Plan) -> list[str]:
    """Every topic that is read or written."""
    return list(dict.fromkeys([*input_topics(plan, NAME), *plan_inputs(plan), *outputs(plan)]))


def plan_inputs(plan: Plan) -> list[str]:
    """The topics whose partitions are the writers of the first log."""
    return [plan.topics.ingested(stream) for log in plan.logs[:1] for stream in log.streams]


def outputs(plan: Plan) -> dict[str, pa.Schema]:
    """The topics that are written and their schemas: every log but the first, and the features."""
    further = {log.topic: log.schema for log in plan.logs[1:]}
    return further | {plan.topics.features(name): plan.features_schema(name) for name in plan.pipeline.predictions}


def build(context: Context) -> Parts:
    """The stage and the schemas of what it writes; compiles the kernel, so that no step has to."""
    Engine.compile()
    return Parts(FeatureStage(context.plan, context.partitions), outputs(context.plan))
