"""Headrace's rule in the model: what the lag service reads, `decide`, and the HPA that follows the number."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from headrace.autoscale.decide import decide
from headrace.autoscale.decision import Answer, Decision
from headrace.autoscale.facts import Observation, Partition, Place, Unread
from headrace.autoscale.memory import Memory
from headrace.autoscale.policy import Policy

from rig.scaling.hpa import AT_ONCE, Hpa, Rules, Spec
from rig.scaling.world import World

EVERY_S = 5
"""Time between two evaluations."""
_ARRIVALS = 3  # readings over which arrivals are measured


@dataclass(slots=True)
class LagService:
    """`away` is when the lag service itself does not answer."""

    policy: Policy
    away: tuple[float, float] = (0.0, 0.0)
    tolerance: float = 0.0
    name: str = "Headrace"
    decisions: list[tuple[float, Decision]] = field(default_factory=list)
    _memory: Memory = field(default_factory=Memory)
    _written: deque[tuple[float, list[float]]] = field(default_factory=lambda: deque(maxlen=_ARRIVALS + 1))
    _hpa: Hpa = field(init=False)

    def __post_init__(self) -> None:
        follow = Rules(AT_ONCE.limits, AT_ONCE.window_s, self.tolerance)
        self._hpa = Hpa(Spec(self.policy.maximum, self.policy.minimum, up=follow, down=follow))

    def look(self, world: World) -> None:
        """What happens every second."""
        answers = not self.away[0] <= world.now < self.away[1]
        if answers and world.now % EVERY_S == 0:
            decision, self._memory = decide(self.policy, self._observe(world), self._memory)
            self.decisions.append((world.now, decision))

    def metric(self, world: World) -> float | None:
        """`headrace_desired_replicas`, or no answer."""
        if self.away[0] <= world.now < self.away[1] or not self.decisions:
            return None
        _, decision = self.decisions[-1]
        return decision.replicas if isinstance(decision, Answer) else None

    def sync(self, world: World) -> int:
        """What the HPA makes of it."""
        return self._hpa.sync(world.now, world.replicas, world.replicas, world.ready, self.metric(world))

    def _observe(self, world: World) -> Observation | Unread:
        if world.broker_away:
            self._written.clear()
            return Unread(world.now, "the broker does not answer")
        self._written.append((world.now, [log.written for log in world.logs]))
        since, before = self._written[0]
        seconds = world.now - since
        return Observation(
            at_s=world.now,
            read_at_s=world.now,
            replicas=world.replicas,
            ready=world.ready,
            rolling_out=False,
            rebalancing=world.rebalancing,
            partitions=tuple(
                Partition(
                    place=Place("topic", number),
                    topic_id=world.topic,
                    log_start=int(log.start),
                    log_end=int(log.end),
                    committed=log.committed,
                    lag_rows=log.visible_lag,
                    arrival_rows_s=(log.written - before[number]) / seconds if seconds else None,
                    written_rows=log.written,
                )
                for number, log in enumerate(world.logs)
            ),
        )
