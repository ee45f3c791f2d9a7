"""The topics of a pipeline, made in one blocking call."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from headrace.contract.errors import PlanError
from headrace.runtime import kafka, topics
from headrace.runtime.kafka_access import KafkaAccess

_SECONDS = 30.0


def create_topics(address: str, partitions: Mapping[str, int]) -> list[str]:
    """Create the topics that are missing, each with its number of partitions, and return their names.

    `address` is Kafka's `host:port`. Raises PlanError when one exists with another number of partitions (rows were
    placed by that number, so it never changes), BrokerUnavailable when Kafka refuses or does not answer.
    """
    return asyncio.run(_create_missing(address, partitions))


async def _create_missing(address: str, partitions: Mapping[str, int]) -> list[str]:
    async with kafka.admin(KafkaAccess(address), _SECONDS) as admin:
        found = await topics.existing(admin, _SECONDS)
        wrong = [name for name, count in partitions.items() if found.get(name, count) != count]
        if wrong:
            said = ", ".join(f"{name} has {found[name]} partitions, not {partitions[name]}" for name in wrong)
            raise PlanError(f"{said}; keep the number, or give the pipeline a new name and backfill")
        missing = {name: count for name, count in partitions.items() if name not in found}
        if missing:
            await topics.create(admin, missing, _SECONDS)
    return list(missing)
