"""The records that wait for a partition are bounded in bytes."""

from __future__ import annotations

import asyncio

from headrace.runtime.inbox import Inbox, size_of
from unit.runtime.parts import Read, message

RECORD = size_of(Read(0, b"x" * 100))


class Valve:
    """Writes down what the inbox asks of the consumer."""

    def __init__(self, bound: int) -> None:
        self.asked: list[str] = []
        self.inbox = Inbox(bound, lambda: self.asked.append("pause"), lambda: self.asked.append("resume"))


def records(first: int, count: int) -> list[Read]:
    return [Read(offset, b"x" * 100) for offset in range(first, first + count)]


def test_a_full_inbox_pauses_its_partition_once() -> None:
    # Given room for four records
    valve = Valve(4 * RECORD)
    # When three come, and three more, and what was already on its way
    for first in (0, 3, 6):
        valve.inbox.put(records(first, 3), first + 3)
    # Then the partition was paused when it was full, and only then
    assert valve.asked == ["pause"]


def test_it_takes_more_when_less_than_half_waits() -> None:
    valve = Valve(4 * RECORD)
    valve.inbox.put(records(0, 4), 4)
    # When half has been taken, nothing changes; when one more has
    valve.inbox.take(2, 1 << 20)
    half = list(valve.asked)
    valve.inbox.take(1, 1 << 20)
    # Then more may come
    assert (half, valve.asked) == (["pause"], ["pause", "resume"])


def test_at_most_the_bound_and_one_answer_wait() -> None:
    # Given a consumer that honours pause, whose answers are three records each
    valve = Valve(4 * RECORD)
    offset = 0
    # When it fetches for as long as it may
    while valve.asked != ["pause"]:
        valve.inbox.put(records(offset, 3), offset + 3)
        offset += 3
    # Then what waits is below the bound and one answer more
    assert len(valve.inbox) * RECORD < (4 + 3) * RECORD


def test_a_record_above_the_bound_still_gets_through() -> None:
    valve = Valve(10)
    valve.inbox.put([Read(0, b"x" * 1000)], 1)
    assert valve.inbox.take(10, 10) == ([Read(0, b"x" * 1000)], 1)


def test_a_run_ends_where_its_bytes_are_reached() -> None:
    valve = Valve(1 << 20)
    valve.inbox.put(records(0, 5), 5)
    run, following = valve.inbox.take(1000, 2 * RECORD)
    assert ([record.offset for record in run], following) == ([0, 1], 2)


def test_a_run_ends_where_its_rows_are_reached() -> None:
    # Given messages of two rows each
    valve = Valve(1 << 20)
    valve.inbox.put([message(offset, offset, [[1, 2]]) for offset in range(4)], 4)
    # When three rows are enough
    run, following = valve.inbox.take(3, 1 << 20)
    # Then two messages are taken, since none is cut
    assert ([record.offset for record in run], following) == ([0, 1], 2)


def test_the_last_run_ends_where_the_consumer_is() -> None:
    # Given records and, after them, a control record that nobody sees
    valve = Valve(1 << 20)
    valve.inbox.put(records(0, 2), 3)
    # Then the run ends after it
    assert valve.inbox.take(1000, 1 << 20)[1] == 3


async def test_a_wait_ends_with_the_records() -> None:
    valve = Valve(1 << 20)
    waiting = asyncio.create_task(valve.inbox.wait(3600))
    await asyncio.sleep(0)
    valve.inbox.put(records(0, 1), 1)
    assert await waiting


async def test_a_wait_ends_when_it_is_woken() -> None:
    valve = Valve(1 << 20)
    waiting = asyncio.create_task(valve.inbox.wait(3600))
    await asyncio.sleep(0)
    valve.inbox.wake()
    assert not await waiting


async def test_a_wait_ends_after_its_time() -> None:
    assert not await Valve(1 << 20).inbox.wait(0)
