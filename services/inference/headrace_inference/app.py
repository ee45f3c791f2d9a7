"""Inference as a service."""

from __future__ import annotations

from functools import partial
from typing import NoReturn

from headrace.contract.plan import Plan
from headrace.models.device import expect_device
from headrace.runtime.readers import input_topics
from headrace.runtime.service import Context, Parts, run
from headrace.runtime.settings import read_settings

from headrace_inference.current import CurrentModels
from headrace_inference.settings import InferenceSettings
from headrace_inference.stage import NAME, InferenceStage


def main() -> NoReturn:
    """Run until told to stop."""
    run(NAME, topics, build)


def topics(plan: Plan) -> list[str]:
    """Every topic that is read or written."""
    return [*input_topics(plan, NAME), *map(plan.topics.predictions, plan.pipeline.predictions)]


def build(context: Context) -> Parts:
    """The stage, the schemas of what it writes, and the watch over the registry."""
    settings = read_settings(InferenceSettings)
    plan = context.plan
    expect_device(settings.device)
    models = CurrentModels(plan, context.store, settings.threads, settings.device)
    stage = InferenceStage(plan, models)
    outputs = {plan.topics.predictions(name): plan.predictions_schema(name) for name in plan.pipeline.predictions}
    missing = partial(models.missing, stage.predictions)
    return Parts(stage, outputs, missing, [partial(models.watch, settings.poll_seconds)])
