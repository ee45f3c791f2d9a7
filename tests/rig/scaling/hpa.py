"""The HorizontalPodAutoscaler's controller (autoscaling/v2) for one External metric.

Written after kubernetes pkg/controller/podautoscaler: replica_calculator.go (GetExternalPerPodMetricReplicas,
GetExternalMetricReplicas) and horizontal.go (stabilizeRecommendationWithBehaviors and what limits the rate after it).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from enum import StrEnum


class Kind(StrEnum):
    """What a policy counts in."""

    PODS = "Pods"
    PERCENT = "Percent"


class Select(StrEnum):
    """Which of several policies holds."""

    MAX = "Max"
    MIN = "Min"
    DISABLED = "Disabled"


class Target(StrEnum):
    """What the metric is compared with: its value divided by the replicas, or its value."""

    AVERAGE_VALUE = "AverageValue"
    VALUE = "Value"


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `value` pods or percent in `period_s`."""

    kind: Kind
    value: int
    period_s: float


@dataclass(frozen=True, slots=True)
class Rules:
    """One direction of `behavior`."""

    limits: tuple[Limit, ...]
    window_s: float
    tolerance: float = 0.1
    select: Select = Select.MAX


DEFAULT_UP = Rules((Limit(Kind.PERCENT, 100, 15), Limit(Kind.PODS, 4, 15)), 0)
DEFAULT_DOWN = Rules((Limit(Kind.PERCENT, 100, 15),), 300)
AT_ONCE = Rules((Limit(Kind.PERCENT, 100, 15), Limit(Kind.PODS, 1000, 15)), 0, tolerance=0)
"""For a metric that is the count itself: whoever computes it has done the waiting."""


@dataclass(frozen=True, slots=True)
class Spec:
    """An HPA as a manifest has it."""

    maximum: int
    minimum: int = 1
    target: float = 1.0
    target_kind: Target = Target.AVERAGE_VALUE
    up: Rules = DEFAULT_UP
    down: Rules = DEFAULT_DOWN


@dataclass(slots=True)
class Hpa:
    """The controller with what it remembers."""

    spec: Spec
    _advice: list[tuple[float, int]] = field(default_factory=list)
    _ups: list[tuple[float, int]] = field(default_factory=list)
    _downs: list[tuple[float, int]] = field(default_factory=list)

    def sync(self, now: float, replicas: int, pods: int, ready: int, metric: float | None) -> int:
        """The new `spec.replicas`, from the present one, `status.replicas`, ready pods and the metric (None: none)."""
        if not self._advice:
            self._advice = [(now, replicas)]
        if replicas == 0 and self.spec.minimum != 0:
            return 0  # switched off by hand
        if replicas > self.spec.maximum:
            wanted = self.spec.maximum
        elif replicas < self.spec.minimum:
            wanted = self.spec.minimum
        elif metric is None:
            return replicas
        else:
            wanted = self._limited(now, replicas, self._stabilised(now, replicas, self._proposed(metric, pods, ready)))
        if wanted > replicas:
            self._ups.append((now, wanted - replicas))
        elif wanted < replicas:
            self._downs.append((now, replicas - wanted))
        return wanted

    def _proposed(self, metric: float, pods: int, ready: int) -> int:
        per_pod = self.spec.target_kind is Target.AVERAGE_VALUE
        goal = self.spec.target * pods if per_pod else self.spec.target
        ratio = metric / goal if goal else math.inf
        if pods and 1 - self.spec.down.tolerance <= ratio <= 1 + self.spec.up.tolerance:
            return pods
        if per_pod:
            return math.ceil(metric / self.spec.target)
        return math.ceil(ratio * ready) if pods else math.ceil(ratio)

    def _stabilised(self, now: float, replicas: int, proposed: int) -> int:
        recent = [
            (at, count) for at, count in self._advice if now - at < max(self.spec.up.window_s, self.spec.down.window_s)
        ]
        least = min([proposed, *(count for at, count in recent if now - at < self.spec.up.window_s)])
        most = max([proposed, *(count for at, count in recent if now - at < self.spec.down.window_s)])
        self._advice = [*recent, (now, proposed)]
        return min(max(replicas, least), most)

    def _limited(self, now: float, replicas: int, wanted: int) -> int:
        if wanted > replicas:
            return min(wanted, self.spec.maximum, max(self._limit(now, replicas, self.spec.up, 1), replicas))
        if wanted < replicas:
            return max(wanted, self.spec.minimum, min(self._limit(now, replicas, self.spec.down, -1), replicas))
        return wanted

    def _limit(self, now: float, replicas: int, rules: Rules, sign: int) -> int:
        if rules.select is Select.DISABLED:
            return replicas
        proposals = []
        for limit in rules.limits:
            start = replicas - _changed(now, self._ups, limit.period_s) + _changed(now, self._downs, limit.period_s)
            if limit.kind is Kind.PODS:
                proposals.append(start + sign * limit.value)
            else:
                exact = start * (1 + sign * limit.value / 100)
                proposals.append(math.ceil(exact) if sign > 0 else int(exact))
        furthest = max if (sign > 0) is (rules.select is Select.MAX) else min
        return furthest(proposals)


def _changed(now: float, events: list[tuple[float, int]], period_s: float) -> int:
    return sum(count for at, count in events if now - at < period_s)
