"""A service, its input topic and its pods, second by second. Rows flow as a fluid; offsets count messages."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import dataclass, field

Over = Callable[[float], float]
"""A value over time: seconds since the start."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What the model is told of a service, its load and its misfortunes."""

    load_rows_s: Over
    partitions: int = 12
    shares: tuple[float, ...] = ()
    """Part of the load that each partition gets; empty: equal parts."""
    rate_rows_s: float = 1000.0
    """What one replica works."""
    slowdown: Callable[[int], float] = lambda _: 1.0
    """Factor on every replica's rate, by the number of replicas: what they do to each other."""
    downstream_rows_s: Over = lambda _: math.inf
    """What everybody together gets rid of."""
    rows_per_message: Over = lambda _: 1.0
    start_s: float = 20.0
    """From asking for a pod to its being ready, and up to a quarter more."""
    rebalance_s: float = 4.0
    """How long nobody reads when a member comes or goes."""
    replicas: int = 2
    backlog_rows: float = 0.0
    """What lies in the topic at the start, above `deleted_messages`."""
    deleted_messages: int = 0
    """Messages of each partition that retention had taken before the start."""
    committed: bool = True
    """Whether the group had committed before the start."""
    noise: float = 0.1
    """Part by which arrivals vary from second to second."""
    broker_away: tuple[float, float] = (0.0, 0.0)
    """From and until when the broker answers nobody; producers keep what they could not send."""
    poison_at_s: float = math.inf
    """From when nobody gets on with partition 0."""
    recreated_at_s: float = math.inf
    """When the topic is deleted and created again; the service refuses to read on."""
    overtaken_at_s: float = math.inf
    """When retention deletes what partition 0 has not read; the service refuses to read on."""


@dataclass(slots=True)
class Log:
    """One partition: rows and messages since the start."""

    written: float = 0.0
    lag: float = 0.0
    """Rows, and so are the two above."""
    end: float = 0.0
    read: float = 0.0
    start: float = 0.0
    """Offsets."""
    committed: int | None = None
    """The group's offset as of the last commit, a second ago where somebody reads."""
    uncommitted: float = 0.0
    """Rows that were read since."""

    @property
    def visible_lag(self) -> float:
        """Rows after the committed offset: what anybody outside can see."""
        return self.lag + self.uncommitted


@dataclass(slots=True)
class World:
    """The state of the model; `tick` lets a second pass, `ask` changes the count of pods."""

    setting: Setting
    seed: int = 0
    now: float = 0.0
    topic: str = "topic-1"
    logs: list[Log] = field(default_factory=list)
    ready_at: list[float] = field(default_factory=list)
    """When each pod is or will be ready, oldest first."""
    reads_from: float = 0.0
    """Until then a rebalance runs."""
    shares: tuple[float, ...] = ()
    """Part of the load that each partition gets."""
    _members: int = 0
    _unsent: float = 0.0
    _dice: random.Random = field(default_factory=random.Random)

    def __post_init__(self) -> None:
        setting = self.setting
        self._dice.seed(self.seed)
        self.ready_at = [0.0] * setting.replicas
        self._members = setting.replicas
        self.shares = setting.shares or (1 / setting.partitions,) * setting.partitions
        start, rows = float(setting.deleted_messages), setting.rows_per_message(0)
        for share in self.shares:
            lag = setting.backlog_rows * share
            committed = int(start) if setting.committed else None
            self.logs.append(Log(lag, lag, start + lag / rows, start, start, committed))

    @property
    def replicas(self) -> int:
        """Pods that exist, ready or not."""
        return len(self.ready_at)

    @property
    def ready(self) -> int:
        """Pods that are ready."""
        return sum(at <= self.now for at in self.ready_at)

    @property
    def rebalancing(self) -> bool:
        """Whether partitions are changing hands."""
        return self.now < self.reads_from

    @property
    def broker_away(self) -> bool:
        """Whether the broker answers nobody."""
        away_from, until = self.setting.broker_away
        return away_from <= self.now < until

    @property
    def refuses(self) -> bool:
        """Whether the service has stopped because reading on would skip or alias rows."""
        return self.now >= min(self.setting.recreated_at_s, self.setting.overtaken_at_s)

    @property
    def lag_rows(self) -> float:
        """Rows that are still to be read."""
        return sum(log.lag for log in self.logs)

    def ask(self, replicas: int) -> None:
        """Set `spec.replicas`: new pods start, the youngest go."""
        for _ in range(replicas - self.replicas):
            self.ready_at.append(self.now + self.setting.start_s * (1 + self._dice.random() / 4))
        if replicas < self.replicas:
            self.ready_at = sorted(self.ready_at)[:replicas]

    def tick(self) -> None:
        """One second passes."""
        self.now += 1
        self._misfortunes()
        self._write()
        members = self.ready
        if members != self._members:
            self._members, self.reads_from = members, self.now + self.setting.rebalance_s
        if members and not (self.rebalancing or self.broker_away or self.refuses):
            self._read(members)
        else:
            self._commit(members)  # whoever stops commits

    def _commit(self, members: int) -> None:
        if members and not (self.broker_away or self.refuses):
            for log in self.logs:
                log.committed, log.uncommitted = int(log.read), 0.0

    def _misfortunes(self) -> None:
        if self.now == self.setting.recreated_at_s:
            self.topic = "topic-2"
            self.logs = [Log(committed=log.committed) for log in self.logs]
        if self.now == self.setting.overtaken_at_s:
            self.logs[0].start = self.logs[0].end

    def _write(self) -> None:
        noise = 1 + self.setting.noise * self._dice.uniform(-1, 1)
        self._unsent += self.setting.load_rows_s(self.now) * noise
        if self.broker_away:
            return
        rows_per_message = self.setting.rows_per_message(self.now)
        for log, share in zip(self.logs, self.shares, strict=True):
            rows = self._unsent * share
            log.written += rows
            log.lag += rows
            log.end += rows / rows_per_message
        self._unsent = 0.0

    def _read(self, members: int) -> None:
        self._commit(members)  # what was read a second ago
        setting = self.setting
        each = min(setting.rate_rows_s * setting.slowdown(members), setting.downstream_rows_s(self.now) / members)
        for member in range(members):
            left, mine = each, self.logs[member::members]
            if member == 0 and self.now >= setting.poison_at_s:
                mine = mine[1:]
            mine.sort(key=lambda log: log.lag)
            for place, log in enumerate(mine):  # a fair share of what is left, the least first
                rows = min(log.lag, left / (len(mine) - place))
                left -= rows
                _take(log, rows)


def _take(log: Log, rows: float) -> None:
    log.uncommitted = rows
    if log.lag - rows < 1e-6:
        log.lag, log.read = 0.0, log.end
    elif rows > 0:
        log.read += (log.end - log.read) * rows / log.lag
        log.lag -= rows
