"""What an operator wants of the scaling of one service."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

from headrace.contract.errors import SettingsError


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """The wishes and the patience of an operator; raises SettingsError for values that contradict themselves.

    Names end in their unit: `_s` seconds, `_rows_s` rows a second; the rest are counts or plain fractions.
    """

    maximum: int
    """Most replicas; never more than there are partitions, whatever stands here."""
    start_rate_rows_s: float
    """What one replica is taken to work until its true rate has been learned."""
    minimum: int = 1
    """Fewest replicas; 0 lets an idle service go to sleep."""
    utilisation: float = 0.75
    """The part of a replica's true rate that arrivals may use up; the rest is for peaks."""
    catch_up_s: float = 300.0
    """Time in which a backlog is to be worked off, once the replicas for it are at work."""
    restart_cost_s: float = 20.0
    """How long a change of the count keeps rows waiting: starting a pod and the pause of the rebalance."""
    dead_band: float = 0.1
    """Part by which the need must leave what the present count serves before the count changes."""
    scale_up_window_s: float = 30.0
    """A count goes up only after more was needed all through this time: a burst shorter than it starts nothing."""
    scale_down_window_s: float = 300.0
    """A count goes down only to the largest that was needed in this time; not less than `catch_up_s`."""
    idle_s: float = 300.0
    """Time with nothing to read and nothing written after which a service with `minimum` 0 goes to 0."""
    stale_s: float = 30.0
    """Age from which facts are no longer believed."""
    stalled_s: float = 120.0
    """Time without a commit after which a partition that has a backlog counts as stuck."""
    measure_s: float = 30.0
    """Time over which throughput is measured."""
    busy_lag_s: float = 10.0
    """A partition is busy while its lag is more than its arrivals of this time: its reader had no pause."""
    effective: float = 0.25
    """Least part of the proportional gain in throughput that makes a step up worth it."""
    freeze_s: float = 600.0
    """How long nothing is added after a step up that was not worth it; twice as long each time it is in vain again."""

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if not math.isfinite(value) or value < 0:
                raise SettingsError(f"scaling: {field.name} is {value}: give a number that is not negative")
        for name in ("start_rate_rows_s", "catch_up_s", "measure_s", "stale_s", "stalled_s", "maximum"):
            if getattr(self, name) == 0:
                raise SettingsError(f"scaling: {name} is 0: give a larger one")
        if not 0 < self.utilisation <= 1:
            raise SettingsError(f"scaling: utilisation is {self.utilisation:g}: give a part of 1, such as 0.75")
        if self.dead_band >= 1:
            raise SettingsError(f"scaling: dead_band is {self.dead_band:g}: give a part of 1, such as 0.1")
        if self.minimum > self.maximum:
            raise SettingsError(f"scaling: minimum is {self.minimum} and maximum {self.maximum}: lower the minimum")
        if self.scale_down_window_s < self.catch_up_s:
            raise SettingsError(
                f"scaling: scale_down_window_s is {self.scale_down_window_s:g} and catch_up_s {self.catch_up_s:g}:"
                " replicas would leave before the backlog is worked off; make the window at least as long"
            )
