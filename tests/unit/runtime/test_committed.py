"""What a group has committed: an answer that holds nothing is no answer."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from typing import Any

import pytest
from aiokafka.errors import GroupAuthorizationFailedError, KafkaError, NotCoordinatorForGroupError
from aiokafka.structs import OffsetAndMetadata, TopicPartition
from headrace.runtime.committed import committed_offsets

PLACE, OTHER = TopicPartition("visits", 0), TopicPartition("visits", 1)
FOUND = {PLACE: OffsetAndMetadata(7, "marks"), OTHER: OffsetAndMetadata(-1, "")}


class Admin:
    """Answers in turn with what it is given; `Any` because aiokafka ships no types."""

    def __init__(self, *answers: dict[TopicPartition, OffsetAndMetadata] | KafkaError) -> None:
        self.answers: list[Any] = list(answers)

    async def list_consumer_group_offsets(self, group: str, partitions: Collection[TopicPartition]) -> Any:
        answer = self.answers.pop(0)
        if isinstance(answer, KafkaError):
            raise answer
        return answer


@pytest.mark.parametrize("first", [{}, {PLACE: FOUND[PLACE]}, NotCoordinatorForGroupError()])
def test_a_coordinator_that_cannot_answer_yet_is_asked_again(first: Any) -> None:
    admin: Any = Admin(first, FOUND)
    assert asyncio.run(committed_offsets(admin, "group", [PLACE, OTHER])) == FOUND


def test_a_refusal_for_good_is_an_error() -> None:
    admin: Any = Admin(GroupAuthorizationFailedError())
    with pytest.raises(GroupAuthorizationFailedError):
        asyncio.run(committed_offsets(admin, "group", [PLACE]))
