"""The way to the broker and back, and the two clients that only ask: what they ask takes time and may go wrong.

Where aiokafka has a peculiarity that the runtime must live with, so have these: see the comments.
"""

from __future__ import annotations

import asyncio
import random
from collections import defaultdict, deque
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from aiokafka import TopicPartition
from aiokafka.errors import GroupLoadInProgressError
from aiokafka.structs import OffsetAndMetadata

from sim.broker import Broker, Headers
from sim.loop import SimLoop

T = TypeVar("T")


class Weather:
    """What the network does to requests: mostly a little, sometimes much; `storms` off: never anything bad."""

    def __init__(self, choice: random.Random) -> None:
        self.choice = choice
        self.storms = True
        self.lost_sends = 0.004
        self.loading = 0.02
        self.clock: Callable[[], float] = lambda: 0.0
        self.latest = 0.0  # when the last of the long delays ends

    def delay(self) -> float:
        """How long something takes from here to there, in seconds."""
        if self.storms and self.choice.random() < 0.04:
            long = self.choice.uniform(0.05, 1.5)
            self.latest = max(self.latest, self.clock() + long)
            return long
        return self.choice.uniform(0.0005, 0.01)

    def happens(self, chance: float) -> bool:
        """Whether something bad with this probability happens now."""
        return self.storms and self.choice.random() < chance


class Wire:
    """A process's connection to the broker. A request that has left arrives, whatever becomes of the process."""

    def __init__(self, broker: Broker, weather: Weather) -> None:
        self.broker = broker
        self.weather = weather
        self.loop: SimLoop = broker.loop
        self._leaves = self._arrives = 0.0

    def ask(self, request: Callable[[], T], *, coordinator: bool = False) -> asyncio.Future[T]:
        """Run `request` at the broker; its result comes back some time later.

        What is asked of the coordinator goes over one connection, so it arrives in the order in which it was asked.
        """
        answer: asyncio.Future[T] = self.loop.create_future()
        leaves = self.loop.time() + self.weather.delay()
        if coordinator:
            leaves = self._leaves = max(self._leaves, leaves)
        self.loop.call_at(leaves, self._left, request, answer, coordinator)
        return answer

    def _left(self, request: Callable[[], T], answer: asyncio.Future[T], coordinator: bool) -> None:
        arrives = self.loop.time() + self.weather.delay()
        if coordinator:
            arrives = self._arrives = max(self._arrives, arrives)
        self.loop.outside(arrives - self.loop.time(), self._arrived, request, answer)

    def _arrived(self, request: Callable[[], T], answer: asyncio.Future[T]) -> None:
        try:
            result = request()
        except Exception as error:  # noqa: BLE001  the broker's answer
            self.loop.outside(self.weather.delay(), _fail, answer, error)
        else:
            self.loop.outside(self.weather.delay(), _fulfil, answer, result)


def _fulfil(answer: asyncio.Future[T], result: T) -> None:
    if not answer.done():
        answer.set_result(result)


def _fail(answer: asyncio.Future[Any], error: Exception) -> None:
    if not answer.done():
        answer.set_exception(error)


@dataclass(slots=True)
class _Channel:
    """The batches of one partition on their way: in order, and after a lost one nothing follows (idempotence)."""

    waiting: deque[tuple[bytes, Headers, asyncio.Future[int]]] = field(default_factory=deque)
    leaving: bool = False
    arrives: float = 0.0
    lost: bool = False


class Producer:
    """An idempotent producer."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self.unacknowledged: set[asyncio.Future[int]] = set()
        self._channels: dict[TopicPartition, _Channel] = defaultdict(_Channel)

    async def send(
        self, topic: str, value: bytes, partition: int, headers: Sequence[tuple[str, bytes]]
    ) -> asyncio.Future[int]:
        """Take a record; the future is done when the broker has acknowledged it."""
        acknowledged: asyncio.Future[int] = self._wire.loop.create_future()
        place = TopicPartition(topic, partition)
        channel = self._channels[place]
        channel.waiting.append((value, tuple(headers), acknowledged))
        self.unacknowledged.add(acknowledged)
        acknowledged.add_done_callback(self.unacknowledged.discard)
        self._leave_later(place, channel)
        return acknowledged

    async def send_and_wait(
        self, topic: str, value: bytes, partition: int, headers: Sequence[tuple[str, bytes]]
    ) -> int:
        """Send and wait for the acknowledgement."""
        return await (await self.send(topic, value, partition, headers))

    def _leave_later(self, place: TopicPartition, channel: _Channel) -> None:
        if not channel.leaving:
            channel.leaving = True
            self._wire.loop.call_later(self._wire.weather.delay(), self._leave, place, channel)

    def _leave(self, place: TopicPartition, channel: _Channel) -> None:
        channel.leaving = False
        value, headers, acknowledged = channel.waiting.popleft()
        weather, loop = self._wire.weather, self._wire.loop
        if channel.waiting:
            self._leave_later(place, channel)
        if channel.lost:
            return  # behind one whose fate nobody knows: the client tries that one again and again
        channel.arrives = max(channel.arrives, loop.time() + weather.delay())
        if weather.happens(weather.lost_sends):
            channel.lost = True
            if weather.choice.random() < 0.5:  # it arrives, perhaps after its sender has given up, and nobody is told
                late = weather.choice.uniform(0, 8)
                loop.outside(late, self._wire.broker.append, place, value, headers)
            return
        loop.outside(channel.arrives - loop.time(), self._arrived, place, value, headers, acknowledged)

    def _arrived(
        self, place: TopicPartition, value: bytes, headers: Headers, acknowledged: asyncio.Future[int]
    ) -> None:
        offset = self._wire.broker.append(place, value, headers)
        self._wire.loop.outside(self._wire.weather.delay(), _fulfil, acknowledged, offset)


class Admin:
    """What the runtime asks of an admin client."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    async def list_consumer_group_offsets(
        self, group: str, partitions: Collection[TopicPartition]
    ) -> dict[TopicPartition, OffsetAndMetadata]:
        """What the group has committed; offset -1 where it has not."""
        if self._wire.weather.happens(self._wire.weather.loading):
            raise GroupLoadInProgressError
        nothing = OffsetAndMetadata(-1, "")

        def look() -> dict[TopicPartition, OffsetAndMetadata]:
            offsets = self._wire.broker.group(group).offsets
            return {place: offsets.get(place, nothing) for place in partitions}

        return await self._wire.ask(look)
