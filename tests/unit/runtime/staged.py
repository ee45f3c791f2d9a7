"""A worker on a stage of its own: what is around it does what a story says."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from headrace.runtime.fold import Output
from headrace.runtime.inbox import Inbox
from headrace.runtime.lane import Waits
from headrace.runtime.opening import Committed, Opening
from headrace.runtime.outbox import Send
from headrace.runtime.snapshots import Saved, Snapshots
from headrace.runtime.worker import Commit, Worker
from headrace.store.memory import MemoryStore
from unit.runtime.parts import ROUTES, Inline, Passing, message, settings


class Outside:
    """The world around a worker: sends wait until a story lets them through."""

    def __init__(self) -> None:
        self.open = asyncio.Event()
        self.open.set()
        self.sent: list[Send] = []
        self.asked = asyncio.Event()  # a send waits
        self.began_at: int | None = None
        self.end: int | None = None
        self.waits_for: str | None = None
        self.failure: Exception | None = None
        self.full: Exception | None = None
        self.asked_for_end = asyncio.Event()

    async def begin_at(self, offset: int) -> None:
        self.began_at = offset

    async def at_end(self) -> int | None:
        self.asked_for_end.set()
        await asyncio.sleep(0)
        return self.end

    async def send(self, sends: list[Send]) -> None:
        if sends:
            self.asked.set()
        await self.open.wait()
        if self.failure is not None:
            raise self.failure
        self.sent += sends

    def missing(self) -> Waits | None:
        return None if self.waits_for is None else Waits(self.waits_for, published=True)

    def count(self, output: Output, records: int, size: int, seconds: float) -> None:
        if self.full is not None:
            raise self.full


class Stage:
    """A worker with its stage, its store and its outside."""

    def __init__(self, *, keeps: bool = False, committed: Committed | None = None, **chosen: Any) -> None:
        self.stage = Passing(keeps=keeps)
        self.store = MemoryStore()
        self.outside = Outside()
        self.inbox = Inbox(1 << 20, lambda: None, lambda: None)
        self.snapshots = Snapshots(self.store, "passing", "in", "id", 0)
        opening = Opening(self.stage, self.stage.source, 0, ROUTES, self.snapshots, committed, 0)
        self.worker = Worker(opening, self.inbox, self.outside, settings(**chosen), Inline())

    @asynccontextmanager
    async def running(self) -> AsyncIterator[asyncio.Task[None]]:
        task = asyncio.create_task(self.worker.run())
        try:
            await until(lambda: self.worker.ready or task.done())
            yield task
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    def put(self, *numbers: int) -> None:
        first = self.inbox.following
        records = [message(first + place, first + place, [[n]]) for place, n in enumerate(numbers)]
        self.inbox.put(records, first + len(numbers))

    def saved(self) -> list[int]:
        return sorted(each.offset for each in self.snapshots.newest_first() if isinstance(each, Saved))


async def until(condition: Callable[[], object]) -> None:
    """Let others move until the condition holds."""
    for _ in range(10_000):
        if condition():
            return
        await asyncio.sleep(0)
    raise AssertionError("it never came to that")


def committed(world: Stage) -> Commit | None:
    """What may be committed now."""
    return world.worker.commit


class Clock:
    """A clock that a story sets."""

    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now
