"""When a worker saves its state, and what it may commit for that."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator

import pytest
from headrace.contract.errors import OutcomeUnknown
from headrace.runtime.opening import Committed
from headrace.runtime.worker import Commit
from unit.runtime.staged import Clock, Stage, committed, until


@pytest.fixture
def quiet_log(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    with caplog.at_level(logging.WARNING):
        yield caplog


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
