"""What a group has committed, asked without joining it."""

from __future__ import annotations

import asyncio
from collections.abc import Collection

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError
from aiokafka.structs import OffsetAndMetadata, TopicPartition

_PAUSE = 0.2


async def committed_offsets(
    admin: AIOKafkaAdminClient, group: str, places: Collection[TopicPartition]
) -> dict[TopicPartition, OffsetAndMetadata]:
    """The group's offset and its metadata for each of `places`; offset -1 where it has committed none.

    Asks again while the group's coordinator loads or moves, so the caller sets the deadline. From version 2 on the
    answer to an error is an empty list beside a code that aiokafka does not look at (KIP-88): a place that is missing
    has not been answered, and is never taken for one without an offset. Raises KafkaError.
    """
    while places:
        try:
            found = await admin.list_consumer_group_offsets(group, partitions=list(places))
        except KafkaError as error:
            if not error.retriable:
                raise
        else:
            if found.keys() >= set(places):
                return {place: found[place] for place in places}
        await asyncio.sleep(_PAUSE)
    return {}
