"""aiokafka 0.14.0: a commit that is tried again lands after a newer one and takes the offset back.

    python docs/upstream/aiokafka_commit_overtaken.py

It drives the library's own `commit_offsets`; only the broker's answers are made up: the first is a transient error.
"""

from __future__ import annotations

import asyncio
from typing import Any

from aiokafka import TopicPartition
from aiokafka.consumer.group_coordinator import GroupCoordinator
from aiokafka.errors import GroupLoadInProgressError
from aiokafka.structs import OffsetAndMetadata

PLACE = TopicPartition("topic", 0)


class Coordinator(GroupCoordinator):  # type: ignore[misc]  # the library has no types
    """The library's coordinator before a broker that refuses the first commit, since it is still loading."""

    def __init__(self) -> None:  # without the original's connections and tasks
        self._commit_lock = asyncio.Lock()
        self._retry_backoff_ms = 100
        self.landed: list[int] = []
        self._refused = False

    async def ensure_coordinator_known(self) -> None:
        """There is one."""

    async def _do_commit_offsets(self, assignment: object, offsets: dict[TopicPartition, OffsetAndMetadata]) -> Any:
        if not self._refused:
            self._refused = True
            raise GroupLoadInProgressError
        self.landed.append(offsets[PLACE].offset)


async def main() -> None:
    """Commit 1, and 2 while 1 waits for its second attempt."""
    coordinator = Coordinator()
    older = asyncio.create_task(coordinator.commit_offsets(None, {PLACE: OffsetAndMetadata(1, "")}))
    await asyncio.sleep(0.01)
    await coordinator.commit_offsets(None, {PLACE: OffsetAndMetadata(2, "")})
    await older
    print(f"commits landed in this order: {coordinator.landed}")  # noqa: T201  it is what this is for
    print("the offset went back" if coordinator.landed == [2, 1] else "mended: remove the guard")  # noqa: T201


if __name__ == "__main__":
    asyncio.run(main())
