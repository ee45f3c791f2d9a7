"""What is kept from one evaluation to the next.

It may be lost: then the rate is learned anew, and no count goes down before a whole scale-down window has passed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from headrace.autoscale.facts import Place


@dataclass(frozen=True, slots=True)
class Seen:
    """One partition at the last evaluation."""

    topic_id: str
    log_end: int
    position: int
    lag_rows: float
    written_rows: float | None
    got_on_at_s: float
    """When its reader last got on, or had no reason or no chance to."""


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of time in which the count stood still and everybody was at work."""

    began_s: float
    consumed_rows: Mapping[Place, float]
    busy: frozenset[Place]
    """Partitions whose reader had no pause so far."""


@dataclass(frozen=True, slots=True)
class Trial:
    """A step up whose effect is not known yet: the count before it, and what that count worked if it was measured."""

    replicas: int
    throughput_rows_s: float | None
    at_s: float


@dataclass(frozen=True, slots=True)
class Freeze:
    """For `seconds` from `at_s` at most `ceiling` replicas: more brought nothing. Kept until a step is worth it."""

    ceiling: int
    at_s: float
    seconds: float
    why: str

    def holds(self, now: float) -> bool:
        """Whether it is in force."""
        return now - self.at_s < self.seconds


@dataclass(frozen=True, slots=True)
class Memory:
    """Everything that is kept. `Memory()` knows nothing; `Memory(rate_rows_s=…)` starts from a rate learned earlier."""

    rate_rows_s: float | None = None
    """Rows a second that one busy replica works; None until it was seen."""
    at_s: float | None = None
    replicas: int = 0
    seen: Mapping[Place, Seen] = field(default_factory=dict)
    needed: tuple[tuple[float, int], ...] = ()
    """(time, count) of what was needed at each evaluation in the longer of the two windows."""
    quiet_since_s: float | None = None
    """Since when there has been nothing to read and nothing written."""
    got_on_at_s: float | None = None
    """When any reader last got on."""
    throughput_rows_s: float | None = None
    """What the present count worked when it was last measured."""
    window: Window | None = None
    trial: Trial | None = None
    freeze: Freeze | None = None
