"""Observations in a few words, and a service whose evaluations follow each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from headrace.autoscale.decide import decide
from headrace.autoscale.decision import Answer, Decision
from headrace.autoscale.facts import Observation, Partition, Place, Unread
from headrace.autoscale.memory import Memory
from headrace.autoscale.policy import Policy

POLICY = Policy(maximum=12, start_rate_rows_s=1000, utilisation=0.8, restart_cost_s=30, scale_up_window_s=0)
"""With no patience for going up, so that one evaluation says it all."""


def partition(number: int = 0, *, lag: float = 0, arrival: float = 0, read: int = 1000) -> Partition:
    """One whose rows are one message each."""
    return Partition(
        place=Place("t", number),
        topic_id="id-1",
        log_start=0,
        log_end=read + int(lag),
        committed=read,
        lag_rows=lag,
        arrival_rows_s=arrival,
    )


def observed(
    partitions: Sequence[Partition] = (), *, at: float = 1000, replicas: int = 2, ready: int | None = None
) -> Observation:
    """Everybody at work; without `partitions`, twelve that are empty."""
    return Observation(
        at_s=at,
        read_at_s=at,
        replicas=replicas,
        ready=replicas if ready is None else ready,
        rolling_out=False,
        rebalancing=False,
        partitions=tuple(partitions) or tuple(partition(number) for number in range(12)),
    )


def even(*, lag: float = 0, arrival: float = 0, partitions: int = 12, read: int = 1000) -> list[Partition]:
    """Partitions that share `lag` rows and `arrival` rows a second equally."""
    each = {"lag": lag / partitions, "arrival": arrival / partitions}
    return [partition(number, read=read, **each) for number in range(partitions)]


def answer(decision: Decision) -> Answer:
    """The decision, which must be a number."""
    assert isinstance(decision, Answer), decision
    return decision


def settled(replicas: int) -> Memory:
    """The memory of a service that has run for long and of which no window holds anything back."""
    return Memory(at_s=995, replicas=replicas, got_on_at_s=995)


@dataclass
class Service:
    """Evaluations every 5 s, each with what the last one left."""

    policy: Policy = POLICY
    memory: Memory = field(default_factory=Memory)
    at: float = 0
    read: int = 1000
    lag: float = 100_000

    def look(
        self, partitions: Sequence[Partition], replicas: int, ready: int | None = None, *, rebalancing: bool = False
    ) -> Decision:
        """One evaluation."""
        self.at += 5
        now = observed(partitions, at=self.at, replicas=replicas, ready=ready)
        now = replace(now, rebalancing=rebalancing)
        decision, self.memory = decide(self.policy, now, self.memory)
        return decision

    def unread(self, seconds: float = 5) -> Decision:
        """One evaluation without facts."""
        self.at += seconds
        decision, self.memory = decide(self.policy, Unread(self.at, "no broker"), self.memory)
        return decision

    def work(self, seconds: float, *, throughput: float, arrival: float, replicas: int) -> Answer:
        """All replicas at work for so long, from the lag where the last work left it."""
        last: Decision | None = None
        for _ in range(int(seconds / 5)):
            self.lag += (arrival - throughput) * 5
            self.read += 100
            last = self.look(even(lag=self.lag, arrival=arrival, read=self.read), replicas)
        assert last is not None
        return answer(last)
