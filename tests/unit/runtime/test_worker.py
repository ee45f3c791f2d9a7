"""One partition, strictly one turn after the other: send, wait, move on; save; and stop only in between."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from headrace.contract.errors import OutcomeUnknown, QuarantineOverflow, SendUnknown
from headrace.runtime import worker as module
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


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(module, "time", clock)
    return clock


@pytest.fixture
def quiet_log(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    with caplog.at_level(logging.WARNING):
        yield caplog


async def test_a_worker_begins_where_its_opening_says_and_is_ready_then() -> None:
    world = Stage()
    assert not world.worker.ready
    async with world.running():
        await until(lambda: world.worker.ready)
        assert world.outside.began_at == 0


async def test_nothing_may_be_committed_before_all_sends_are_acknowledged() -> None:
    # Given a broker that does not answer
    world = Stage()
    world.outside.open.clear()
    async with world.running():
        world.put(2)
        await until(world.outside.asked.is_set)
        # Then there is nothing to commit
        assert (world.worker.commit, world.worker.position) == (None, 0)
        # And when it answers, there is
        world.outside.open.set()
        await until(lambda: world.worker.commit)
        assert world.worker.commit is not None
        assert world.worker.commit.offset == 1


async def test_the_next_turn_begins_after_the_sends_of_the_last() -> None:
    world = Stage(step_rows=1)
    world.outside.open.clear()
    async with world.running():
        world.put(2, 4)
        await until(world.outside.asked.is_set)
        for _ in range(50):
            await asyncio.sleep(0)
        assert len(world.stage.states[0].told) == 1


async def test_a_send_that_failed_ends_the_worker_and_commits_nothing() -> None:
    world = Stage()
    world.outside.failure = SendUnknown("no answer")
    async with world.running() as task:
        world.put(2)
        with pytest.raises(SendUnknown):
            await task
    assert (world.worker.commit, world.worker.position) == (None, 0)


async def test_too_many_rejected_rows_end_the_worker() -> None:
    world = Stage()
    world.outside.full = QuarantineOverflow("full")
    async with world.running() as task:
        world.put(13)
        with pytest.raises(QuarantineOverflow):
            await task


async def test_a_stop_waits_for_the_running_turn() -> None:
    # Given a turn whose sends are on their way, and more to do
    world = Stage(step_rows=1)
    world.outside.open.clear()
    async with world.running() as task:
        world.put(2, 4)
        await until(world.outside.asked.is_set)
        # When it is told to stop
        world.worker.stop()
        world.outside.open.set()
        await task
    # Then the turn has ended and the next has not begun
    assert (world.worker.position, len(world.inbox)) == (1, 1)


async def test_a_stop_ends_a_wait() -> None:
    world = Stage(patience_seconds=3600.0)
    async with world.running() as task:
        await until(lambda: world.worker.ready)
        world.worker.stop()
        await task


async def test_a_stage_with_state_leaves_a_last_snapshot_and_commits_up_to_it() -> None:
    world = Stage(keeps=True)
    async with world.running() as task:
        world.put(2, 4)
        await until(lambda: world.worker.position == 2)
        # Given nothing may be committed yet, since nothing is saved
        assert committed(world) is None
        world.worker.stop()
        await task
    assert world.saved() == [2]
    assert committed(world) == Commit(2, "")


async def test_after_lost_snapshots_nothing_below_what_was_committed_is_committed_again() -> None:
    # Given a commit of offset 3 whose snapshot is gone, so that the fold begins anew
    world = Stage(keeps=True, committed=Committed(3, ""))
    async with world.running() as task:
        # When it has come to 2 and leaves a snapshot
        world.put(1, 2)
        await until(lambda: world.worker.position == 2)
        world.worker.stop()
        await task
    # Then the offset does not go back
    assert (world.saved(), committed(world)) == ([2], None)


async def test_a_snapshot_never_goes_ahead_of_the_acknowledgements(clock: Clock) -> None:
    # Given a stage with state whose snapshot is long due, and a broker that does not answer
    world = Stage(keeps=True, snapshot_seconds=10.0)
    world.outside.open.clear()
    async with world.running():
        world.put(2)
        await until(world.outside.asked.is_set)
        clock.now += 3600
        for _ in range(50):
            await asyncio.sleep(0)
        # Then none is saved; and when the broker answers, one is
        assert world.saved() == []
        world.outside.open.set()
        await until(world.saved)
        assert world.saved() == [1]


async def test_snapshots_are_saved_now_and_then(clock: Clock) -> None:
    world = Stage(keeps=True, snapshot_seconds=10.0)
    async with world.running():
        world.put(2)
        await until(lambda: world.worker.position == 1)
        assert world.saved() == []
        clock.now += 11
        await until(lambda: world.worker.commit == Commit(1, ""))
        assert world.saved() == [1]


async def test_a_snapshot_whose_fate_is_unknown_is_not_committed(
    monkeypatch: pytest.MonkeyPatch, quiet_log: pytest.LogCaptureFixture
) -> None:
    # Given a store that does not answer
    world = Stage(keeps=True)

    def put(*_: object, **__: object) -> str:
        raise OutcomeUnknown("no answer")

    monkeypatch.setattr(world.store, "put", put)
    # When the last snapshot is to be saved
    async with world.running() as task:
        world.put(2)
        await until(lambda: world.worker.position == 1)
        world.worker.stop()
        await task
    # Then nothing is committed, and the log says why
    assert world.worker.commit is None
    assert "no snapshot this time" in quiet_log.text


async def test_what_was_taken_up_from_outside_is_saved_before_the_next_turn() -> None:
    world = Stage(keeps=True)
    async with world.running():
        world.put(2)
        await until(lambda: world.worker.position == 1)
        world.stage.fresh = True
        await until(world.saved)
        assert (world.saved(), len(world.stage.states[0].told)) == ([1], 1)


async def test_what_was_taken_up_from_outside_must_be_saved(monkeypatch: pytest.MonkeyPatch) -> None:
    world = Stage(keeps=True)

    def put(*_: object, **__: object) -> str:
        raise OutcomeUnknown("no answer")

    monkeypatch.setattr(world.store, "put", put)
    world.stage.fresh = True
    async with world.running() as task:
        with pytest.raises(OutcomeUnknown):
            await task


async def test_the_end_of_the_log_is_told_once() -> None:
    # Given a worker that finds nothing to do, at the end of its log
    world = Stage()
    world.outside.end = 0
    async with world.running():
        await until(lambda: world.outside.sent)
        told = len(world.outside.sent)
        # When nothing happens for a while
        for _ in range(20):
            world.outside.asked_for_end.clear()
            await until(world.outside.asked_for_end.is_set)
        # Then it has nothing more to say
        assert len(world.outside.sent) == told == 2


async def test_the_position_moves_over_control_records_at_the_end() -> None:
    world = Stage()
    async with world.running():
        world.outside.end = 3
        await until(lambda: world.worker.position == 3)


async def test_a_step_is_at_the_end_only_when_nothing_waits_here_either() -> None:
    # Given two records that are taken one by one, and a log that is read to its end
    world = Stage(step_rows=1)
    world.outside.end = 2
    async with world.running():
        world.put(2, 4)
        await until(lambda: world.worker.position == 2)
        assert [at_end for items, at_end in world.stage.states[0].told if items] == [False, True]


async def test_a_worker_that_has_work_is_busy() -> None:
    world = Stage()
    world.outside.open.clear()
    async with world.running():
        await until(lambda: world.worker.ready)
        assert not world.worker.busy
        world.put(2)
        assert world.worker.busy


async def test_a_worker_that_opens_is_busy() -> None:
    assert Stage().worker.busy


async def test_a_worker_that_waits_for_a_model_is_not_busy_and_touches_nothing() -> None:
    world = Stage()
    world.outside.waits_for = "a model"
    async with world.running():
        await until(lambda: world.worker.ready)
        world.put(2)
        for _ in range(50):
            await asyncio.sleep(0)
        assert not world.worker.busy
        assert world.stage.states[0].told == []


async def test_a_turn_that_does_not_end_makes_no_progress(clock: Clock) -> None:
    # Given a worker that has made progress
    world = Stage()
    async with world.running():
        world.put(2)
        await until(lambda: world.worker.position == 1)
        # When its next sends are not acknowledged while the time passes
        world.outside.open.clear()
        world.outside.asked.clear()
        world.put(4)
        await until(world.outside.asked.is_set)
        before = world.worker.last_progress
        clock.now += 60
        for _ in range(50):
            await asyncio.sleep(0)
        # Then the watchdog can see it
        assert world.worker.last_progress == before == clock.now - 60
