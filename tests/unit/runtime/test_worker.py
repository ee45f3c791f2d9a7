"""One partition, strictly one turn after the other: send, wait, move on; and stop only in between."""

from __future__ import annotations

import asyncio

import pytest
from headrace.contract.errors import QuarantineOverflow, SendUnknown
from unit.runtime.staged import Clock, Stage, until


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
