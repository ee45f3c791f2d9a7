"""The rules of others: KEDA's kafka scaler, and an HPA on the group's lag.

KEDA after kedacore/keda pkg/scalers/kafka_scaler.go (getLagForPartition, getTotalLag) and pkg/scaling/executor.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from rig.scaling.hpa import DEFAULT_DOWN, Hpa, Rules, Spec, Target
from rig.scaling.world import Log, World

_POLL_S = 30  # pollingInterval: how often KEDA itself looks, for 0 <-> 1
_POLL_AT = 7  # of these: the operator's polls and the HPA's syncs are not in step
_COOLDOWN_S = 300  # cooldownPeriod: time without activity after which it goes to 0


@dataclass(slots=True)
class Keda:
    """A ScaledObject with a kafka trigger; allowIdleConsumers is false, offsetResetPolicy earliest."""

    lag_threshold: int
    maximum: int
    minimum: int = 1
    activation_lag_threshold: int = 0
    limit_to_partitions_with_lag: bool = False
    exclude_persistent_lag: bool = False
    down: Rules = DEFAULT_DOWN
    name: str = "KEDA"
    _hpa: Hpa = field(init=False)
    _before: dict[int, int] = field(default_factory=dict)
    _active_s: float = 0.0

    def __post_init__(self) -> None:
        self._hpa = Hpa(Spec(self.maximum, max(self.minimum, 1), self.lag_threshold, down=self.down))

    def look(self, world: World) -> None:
        """The operator's own loop: from 0 to 1, and to 0 after the cooldown."""
        if world.now % _POLL_S != _POLL_AT or world.broker_away:
            return
        if self._lag(world)[1] > self.activation_lag_threshold:
            self._active_s = world.now
            if world.replicas == 0:
                world.ask(max(self.minimum, 1))
        elif self.minimum == 0 and world.replicas and world.now - self._active_s >= _COOLDOWN_S:
            world.ask(0)

    def sync(self, world: World) -> int:
        """What the HPA makes of the scaler's metric; an error of the broker is no metric."""
        metric = None if world.broker_away else self._lag(world)[0]
        return self._hpa.sync(world.now, world.replicas, world.replicas, world.ready, metric)

    def _lag(self, world: World) -> tuple[int, int]:
        found = [self._of(number, log) for number, log in enumerate(world.logs)]
        total, with_persistent = sum(lag for lag, _ in found), sum(lag for _, lag in found)
        bound = sum(lag > 0 for lag, _ in found) if self.limit_to_partitions_with_lag else len(found)
        if int(total / self.lag_threshold) > bound:
            total = bound * self.lag_threshold
        return total, with_persistent

    def _of(self, number: int, log: Log) -> tuple[int, int]:
        if log.committed is None:
            return int(log.end), int(log.end)
        lag = int(log.end) - log.committed
        if self.exclude_persistent_lag:
            before, self._before[number] = self._before.get(number), log.committed
            if before == log.committed:
                return 0, lag
        return lag, lag


@dataclass(slots=True)
class LagThreshold:
    """An HPA on an exporter's total lag (External, Value), as `sum(lag) or vector(0)`: no answer is read as 0."""

    threshold: int
    maximum: int
    minimum: int = 1
    name: str = "lag threshold"
    _hpa: Hpa = field(init=False)

    def __post_init__(self) -> None:
        self._hpa = Hpa(Spec(self.maximum, self.minimum, self.threshold, Target.VALUE))

    def look(self, world: World) -> None:
        """Nothing between two syncs."""

    def sync(self, world: World) -> int:
        """What the HPA makes of the lag; a group without a committed offset has no series."""
        lag = (
            0
            if world.broker_away
            else sum(int(log.end) - log.committed for log in world.logs if log.committed is not None)
        )
        return self._hpa.sync(world.now, world.replicas, world.replicas, world.ready, lag)
