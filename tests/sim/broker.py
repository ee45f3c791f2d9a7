"""A Kafka in memory: logs of partitions, and a coordinator that fences commits by generation (KIP-62, KIP-345).

Everything here happens at once; how long requests and answers are on their way is the clients' matter.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from aiokafka import TopicPartition
from aiokafka.errors import IllegalGenerationError, RebalanceInProgressError, UnknownMemberIdError
from aiokafka.structs import OffsetAndMetadata

from sim.loop import SimLoop

_FIRST_DAY = 1_704_067_200_000  # ms: the events are of that day

Headers = tuple[tuple[str, bytes], ...]


@dataclass(frozen=True, slots=True)
class Stored:
    """A record in a log; `moment` counts the appends and commits of the whole broker, so it orders them all."""

    offset: int
    timestamp: int
    value: bytes | None
    headers: Headers
    moment: int


@dataclass(frozen=True, slots=True)
class CommitMade:
    """A commit that the coordinator took."""

    group: str
    place: TopicPartition
    offset: int
    metadata: str
    moment: int


class Broker:
    """Topics and groups; `commits` remembers every commit that was taken."""

    def __init__(self, loop: SimLoop, topics: Mapping[str, int], choice: random.Random) -> None:
        self.loop = loop
        self.logs: dict[TopicPartition, list[Stored]] = {
            TopicPartition(topic, number): [] for topic, count in topics.items() for number in range(count)
        }
        self.partitions = dict(topics)
        self.commits: list[CommitMade] = []
        self.moment = 0
        self.last_append = loop.time()
        self._choice = choice
        self._groups: dict[str, Coordinator] = {}
        self._watchers: list[asyncio.Future[None]] = []

    def append(self, place: TopicPartition, value: bytes | None, headers: Headers) -> int:
        """Append a record and return its offset."""
        log = self.logs[place]
        self.moment += 1
        log.append(Stored(len(log), _FIRST_DAY + int(self.loop.time() * 1000), value, headers, self.moment))
        self.last_append = self.loop.time()
        watchers, self._watchers = self._watchers, []
        for watcher in watchers:
            if not watcher.done():
                watcher.set_result(None)
        return len(log) - 1

    def next_append(self) -> asyncio.Future[None]:
        """Done when anything has been appended anywhere."""
        watcher: asyncio.Future[None] = self.loop.create_future()
        self._watchers.append(watcher)
        return watcher

    def group(self, name: str) -> Coordinator:
        """The coordinator of a group."""
        if name not in self._groups:
            self._groups[name] = Coordinator(self, name, self._choice)
        return self._groups[name]


@dataclass(slots=True)
class Member:
    """A member of a group, as the coordinator sees it."""

    instance: str
    topics: tuple[str, ...]
    session: float
    rebalance: float
    seen: float
    joining: asyncio.Future[Joined] | None = None
    assigned: list[TopicPartition] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Joined:
    """The answer to a member that joined."""

    member: str
    generation: int
    assigned: tuple[TopicPartition, ...]


class Coordinator:
    """One consumer group."""

    def __init__(self, broker: Broker, name: str, choice: random.Random) -> None:
        self._broker = broker
        self._loop = broker.loop
        self._name = name
        self._choice = choice
        self._members: dict[str, Member] = {}
        self._generation = 0
        self._preparing = False
        self._round = 0
        self._names = 0
        self.offsets: dict[TopicPartition, OffsetAndMetadata] = {}

    @property
    def settled(self) -> bool:
        """Whether nobody is joining or leaving."""
        return not self._preparing

    def join(
        self, member: str, instance: str, topics: Sequence[str], session: float, rebalance: float
    ) -> asyncio.Future[Joined]:
        """Join, or join again; the answer comes when the rebalance that follows has ended.

        Raises UnknownMemberIdError for a member that was forgotten. A static member that comes back takes over what
        it had, and nobody else notices.
        """
        answer: asyncio.Future[Joined] = self._loop.create_future()
        now = self._loop.time()
        if member and member not in self._members:
            raise UnknownMemberIdError
        if not member:
            self._names += 1
            member = f"{instance}-{self._names}"
            before = next((name for name, each in self._members.items() if each.instance == instance), None)
            if before is not None:
                known = self._members.pop(before)
                known.seen = now
                if known.joining is not None and not known.joining.done():
                    known.joining.set_exception(UnknownMemberIdError())  # of a process that is no more, or soon
                self._members[member] = known
                if not self._preparing:
                    answer.set_result(Joined(member, self._generation, tuple(known.assigned)))
                    self._expire_later(member)
                    return answer
        found = self._members.setdefault(member, Member(instance, tuple(topics), session, rebalance, now))
        found.joining, found.seen = answer, now
        if not self._preparing:
            self._prepare()
        self._complete_if_all_joined()
        return answer

    def heartbeat(self, member: str, generation: int) -> None:
        """Raises UnknownMemberIdError, IllegalGenerationError or RebalanceInProgressError."""
        self._check(member, generation)
        self._members[member].seen = self._loop.time()
        if self._preparing:
            raise RebalanceInProgressError

    def commit(self, member: str, generation: int, offsets: Mapping[TopicPartition, OffsetAndMetadata]) -> None:
        """Take a commit; raises UnknownMemberIdError or IllegalGenerationError.

        As Kafka does, it lets a consumer that is nobody's member commit to a group without members.
        """
        if generation >= 0 or self._members:
            self._check(member, generation)
        for place, said in offsets.items():
            self._broker.moment += 1
            self.offsets[place] = said
            self._broker.commits.append(CommitMade(self._name, place, said.offset, said.metadata, self._broker.moment))

    def _check(self, member: str, generation: int) -> None:
        if member not in self._members:
            raise UnknownMemberIdError
        if generation != self._generation:
            raise IllegalGenerationError

    def _prepare(self) -> None:
        self._preparing = True
        self._round += 1
        patience = max((each.rebalance for each in self._members.values()), default=0.0)
        self._loop.outside(patience, self._give_up_waiting, self._round)

    def _give_up_waiting(self, number: int) -> None:
        if self._preparing and self._round == number:
            for name in [name for name, each in self._members.items() if each.joining is None]:
                del self._members[name]
            self._complete_if_all_joined()

    def _complete_if_all_joined(self) -> None:
        if not self._preparing or any(each.joining is None for each in self._members.values()):
            return
        self._preparing = False
        if not self._members:
            return
        self._generation += 1
        self._assign()
        for name, each in self._members.items():
            each.seen = self._loop.time()
            assert each.joining is not None
            if not each.joining.done():
                each.joining.set_result(Joined(name, self._generation, tuple(each.assigned)))
            each.joining = None
            self._expire_later(name)

    def _assign(self) -> None:
        names = sorted(self._members)
        self._choice.shuffle(names)
        for each in self._members.values():
            each.assigned = []
        topics = sorted({topic for each in self._members.values() for topic in each.topics})
        places = [TopicPartition(topic, n) for topic in topics for n in range(self._broker.partitions[topic])]
        for number, place in enumerate(places):
            self._members[names[number % len(names)]].assigned.append(place)

    def _expire_later(self, name: str) -> None:
        each = self._members[name]
        self._loop.outside(each.seen + each.session - self._loop.time(), self._expire, name)

    def _expire(self, name: str) -> None:
        each = self._members.get(name)
        if each is None or each.joining is not None:
            return  # whoever joins again is waited for until the rebalance ends
        if each.seen + each.session > self._loop.time():
            self._expire_later(name)
            return
        del self._members[name]
        if not self._preparing and self._members:
            self._prepare()
        self._complete_if_all_joined()
