"""A consumer as far as the runtime uses it, with aiokafka's peculiarities: see the comments."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

from aiokafka import TopicPartition
from aiokafka.errors import (
    CommitFailedError,
    GroupLoadInProgressError,
    IllegalGenerationError,
    IllegalStateError,
    RebalanceInProgressError,
    UnknownMemberIdError,
)
from aiokafka.structs import OffsetAndMetadata

from sim.broker import Joined, Stored
from sim.network import Wire

_FORGOTTEN = (UnknownMemberIdError, IllegalGenerationError)


@dataclass(slots=True)
class _Place:
    """An assigned partition."""

    position: int | None = None
    paused: bool = False
    end: int | None = None
    fetched: tuple[int, list[Stored]] | None = None  # from which position, and what


class Consumer:
    """A static member of a group: its own tasks join, heartbeat and fetch."""

    HEARTBEAT = 0.7
    LONG_POLL = 0.5

    def __init__(
        self, wire: Wire, group: str, instance: str, *, session: float, rebalance: float, fetch_bytes: int
    ) -> None:
        self._wire = wire
        self._loop = wire.loop
        self._group = wire.broker.group(group)
        self._instance = instance
        self._session = session
        self._rebalance = rebalance
        self._fetch_bytes = fetch_bytes
        self._topics: tuple[str, ...] = ()
        self._listener: Any = None
        self._member = ""
        self._generation = -1
        self._places: dict[TopicPartition, _Place] | None = None
        self._reassigning = True
        self._rejoin = asyncio.Event()
        self._moved = asyncio.Event()  # something to fetch, or something fetched
        self._fetched = asyncio.Event()
        self._assigned = asyncio.Event()
        self._commits = asyncio.Lock()
        self._heart: asyncio.Task[None] | None = None

    # Called by the runtime

    def subscribe(self, topics: Sequence[str], listener: Any) -> None:
        self._topics, self._listener = tuple(topics), listener
        self._loop.create_task(self._coordinate(), name="coordinate")
        self._loop.create_task(self._fetch(), name="fetch")

    def pause(self, *places: TopicPartition) -> None:
        for place in places:
            self._place(place).paused = True

    def resume(self, *places: TopicPartition) -> None:
        for place in places:
            self._place(place).paused = False
        self._moved.set()

    def seek(self, place: TopicPartition, offset: int) -> None:
        self._place(place).position = offset
        self._moved.set()

    async def position(self, place: TopicPartition) -> int:
        found = self._place(place).position
        assert found is not None, "every partition is sought before anybody asks"
        return found

    def last_stable_offset(self, place: TopicPartition) -> int | None:
        assert self._places is not None
        assert place in self._places, "Partition is not assigned"
        return self._places[place].end

    def highwater(self, place: TopicPartition) -> int | None:
        return self.last_stable_offset(place)

    async def beginning_offsets(self, places: Collection[TopicPartition]) -> dict[TopicPartition, int]:
        return await self._wire.ask(lambda: dict.fromkeys(places, 0))

    async def getmany(self, timeout_ms: int) -> dict[TopicPartition, list[Stored]]:
        """Records of partitions that are neither paused nor about to be reassigned."""
        deadline = self._loop.time() + timeout_ms / 1000
        while True:
            while self._reassigning:
                self._assigned.clear()
                await self._assigned.wait()
            drained = self._drain()
            left = deadline - self._loop.time()
            if drained or left <= 0:
                return drained
            self._fetched.clear()
            try:
                async with asyncio.timeout(left):
                    await self._fetched.wait()
            except TimeoutError:
                return {}

    async def commit(self, offsets: Mapping[TopicPartition, OffsetAndMetadata | int]) -> None:
        """Commit; like aiokafka's it tries again after a transient error, with the generation of that moment."""
        if self._places is None or any(place not in self._places for place in offsets):
            raise IllegalStateError("not assigned")
        said = {
            place: value if isinstance(value, OffsetAndMetadata) else OffsetAndMetadata(value, "")
            for place, value in offsets.items()
        }
        while True:
            try:
                async with self._commits:
                    await asyncio.shield(self._commit(said))
            except (*_FORGOTTEN, RebalanceInProgressError) as error:
                raise CommitFailedError from error
            except GroupLoadInProgressError:
                await asyncio.sleep(0.1)
            else:
                return

    async def _commit(self, offsets: Mapping[TopicPartition, OffsetAndMetadata]) -> None:
        if self._wire.weather.happens(self._wire.weather.loading):
            raise GroupLoadInProgressError
        try:
            await self._wire.ask(partial(self._group.commit, self._member, self._generation, offsets), coordinator=True)
        except _FORGOTTEN:
            self._forgotten()
            raise

    # The member's own tasks

    async def _coordinate(self) -> None:
        while True:
            self._reassigning = True
            before = set(self._places or ())
            await self._call(self._listener.on_partitions_revoked(before))
            if self._heart is not None:  # only now: the callback may take its time
                self._heart.cancel()
                self._heart = None
            joined = await self._join()
            self._rejoin.clear()
            self._member, self._generation = joined.member, joined.generation
            self._places = {place: _Place() for place in joined.assigned}
            self._reassigning = False
            self._assigned.set()
            await self._call(self._listener.on_partitions_assigned(set(self._places)))
            self._heart = self._loop.create_task(self._beat(), name="heart")  # and only now, as aiokafka
            await self._rejoin.wait()

    async def _call(self, callback: Any) -> None:
        with suppress(Exception):  # the library logs it and goes on
            await callback

    async def _join(self) -> Joined:
        while True:
            try:
                pending = await self._wire.ask(
                    partial(
                        self._group.join, self._member, self._instance, self._topics, self._session, self._rebalance
                    ),
                    coordinator=True,
                )
                joined = await pending
            except UnknownMemberIdError:
                self._member = ""
                continue
            await asyncio.sleep(self._wire.weather.delay())
            return joined

    async def _beat(self) -> None:
        while self._member:
            await asyncio.sleep(self.HEARTBEAT)
            try:
                await self._wire.ask(partial(self._group.heartbeat, self._member, self._generation), coordinator=True)
            except RebalanceInProgressError:
                self._rejoin.set()
            except _FORGOTTEN:
                self._forgotten()

    def _forgotten(self) -> None:
        self._member, self._generation = "", -1
        self._rejoin.set()

    async def _fetch(self) -> None:
        while True:
            places = self._places or {}
            wanted = {
                place: state.position
                for place, state in places.items()
                if state.fetched is None and not state.paused and state.position is not None
            }
            if not wanted:
                self._moved.clear()
                await self._moved.wait()
                continue
            await self._fetch_once(places, wanted)

    async def _fetch_once(self, places: dict[TopicPartition, _Place], wanted: dict[TopicPartition, int]) -> None:
        logs = self._wire.broker.logs
        if all(len(logs[place]) <= position for place, position in wanted.items()) and all(
            places[place].end is not None for place in wanted
        ):
            appended = self._wire.broker.next_append()
            self._moved.clear()
            moved = self._loop.create_task(self._moved.wait())
            await asyncio.wait([appended, moved], timeout=self.LONG_POLL, return_when=asyncio.FIRST_COMPLETED)
            moved.cancel()
        answer = await self._wire.ask(lambda: {place: self._read(place, at) for place, at in wanted.items()})
        if places is not self._places:
            return  # of an assignment that is gone
        for place, (records, end) in answer.items():
            state = places[place]
            state.end = end
            if records:
                state.fetched = (wanted[place], records)
        self._fetched.set()

    def _read(self, place: TopicPartition, position: int) -> tuple[list[Stored], int]:
        log = self._wire.broker.logs[place]
        records: list[Stored] = []
        size = 0
        for record in log[position:]:
            if records and size + len(record.value or b"") > self._fetch_bytes:
                break
            records.append(record)
            size += len(record.value or b"")
        return records, len(log)

    def _drain(self) -> dict[TopicPartition, list[Stored]]:
        drained = {}
        for place, state in (self._places or {}).items():
            if state.fetched is None:
                continue
            position, records = state.fetched
            state.fetched = None
            self._moved.set()
            if not state.paused and state.position == position:  # else dropped, to be fetched again
                state.position = records[-1].offset + 1
                drained[place] = records
        return drained

    def _place(self, place: TopicPartition) -> _Place:
        if self._places is None or place not in self._places:
            raise IllegalStateError(f"No current assignment for partition {place}")
        return self._places[place]
