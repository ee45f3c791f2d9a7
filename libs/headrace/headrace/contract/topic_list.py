"""Every topic of a pipeline."""

from __future__ import annotations

from headrace.contract.plan import Plan


def plan_topics(plan: Plan) -> dict[str, int]:
    """Return the name and the number of partitions of every topic that the pipeline needs, in the order of the path."""
    names, pipeline = plan.topics, plan.pipeline
    topics = [
        *map(names.raw, pipeline.streams),
        *map(names.ingested, pipeline.streams),
        *(names.clean(stream) for stream in pipeline.streams if not plan.travels(stream)),
        *(log.topic for log in plan.logs),
        *map(names.features, pipeline.predictions),
        *map(names.predictions, pipeline.predictions),
        names.quarantine,
    ]
    return dict.fromkeys(topics, pipeline.partitions)
