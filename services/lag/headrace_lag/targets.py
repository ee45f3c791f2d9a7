"""What there is to look at: every service of every pipeline that has something to read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from headrace.contract.pipeline import Format
from headrace.contract.plan import Plan
from headrace.runtime.readers import SERVICES, group_name, input_topics

from headrace_lag.lag import Reader


@dataclass(frozen=True, slots=True)
class Source:
    """What a topic's messages say of their rows: our own say it, a producer's record by its format or not."""

    batches: bool
    rows_per_message: int | None = None


@dataclass(frozen=True, slots=True)
class Target:
    """One reader, its consumer group and the topics that the group reads."""

    reader: Reader
    group: str
    sources: Mapping[str, Source]


def targets(plans: Iterable[Plan]) -> list[Target]:
    """Every reader of these pipelines."""
    return [
        Target(_reader(plan, service), group_name(plan, service), _sources(plan, service))
        for plan in plans
        for service in SERVICES
        if input_topics(plan, service)
    ]


def _reader(plan: Plan, service: str) -> Reader:
    return Reader(plan.pipeline.tenant, plan.pipeline.name, service.replace("_", "-"))


def _sources(plan: Plan, service: str) -> dict[str, Source]:
    raw = {plan.topics.raw(name): stream for name, stream in plan.pipeline.streams.items()}
    return {
        topic: Source(batches=False, rows_per_message=1 if raw[topic].format is Format.JSON else None)
        if topic in raw
        else Source(batches=True)
        for topic in input_topics(plan, service)
    }
