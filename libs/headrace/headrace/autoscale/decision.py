"""What comes out: a number with its reason, or a refusal to name one."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Cause(StrEnum):
    """Why a decision is what it is; a closed list, fit for a metric's label."""

    STEADY = "steady"
    """The present count serves the need."""
    UP = "up"
    """More is needed."""
    DOWN = "down"
    """Less is needed, and was all through the scale-down window."""
    WINDOW = "window"
    """Another count is needed, but not for as long yet as a change takes."""
    TRIAL = "trial"
    """More is needed, but what the last step up brought is still being measured."""
    WAKE = "wake"
    """There is something to read and no replica."""
    IDLE = "idle"
    """There is provably nothing to read, and has been for long."""
    ROLLOUT = "rollout"
    """Held: pods are being replaced."""
    REBALANCE = "rebalance"
    """Held: partitions are changing hands."""
    FROZEN = "frozen"
    """More would be needed by the maths, but the last replicas that were added brought nothing."""
    STALLED = "stalled"
    """Held: nobody gets on, so it is not a matter of replicas."""
    DATA_LOSS = "data_loss"
    """Held: records were deleted before they were read; a person must decide."""
    UNREAD = "unread"
    """No answer: facts are missing."""
    STALE = "stale"
    """No answer: the facts are too old."""
    RECREATED = "recreated"
    """No answer: a topic is another one than the offsets belong to."""
    CONTRADICTION = "contradiction"
    """No answer: the facts cannot be true together."""


@dataclass(frozen=True, slots=True)
class Answer:
    """So many replicas."""

    replicas: int
    cause: Cause
    reason: str
    """In words, with the figures it rests on."""
    warnings: tuple[str, ...] = ()
    """What a person should look at because no number of replicas mends it: a stuck or an overloaded partition."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """No number can be named; whoever asks gets an error and keeps what it has. Never to be read as 0."""

    cause: Cause
    reason: str


Decision = Answer | Unknown
