"""What is known of a service and its input at one moment."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """One partition of one input topic."""

    topic: str
    number: int

    def __str__(self) -> str:
        return f"{self.topic} partition {self.number}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Partition:
    """One input partition as the broker has it. Offsets are Kafka's; `None` says that it is not known."""

    place: Place
    topic_id: str
    """The topic's id, as it exists now."""
    noted_topic_id: str | None = None
    """The id under which the pipeline was built; None where nobody has noted it."""
    log_start: int
    """Offset of the oldest record that is still there."""
    log_end: int
    """Offset that the next record will get."""
    committed: int | None
    """The group's next offset, read before `log_end`; None where it has none: then it reads from `log_start`."""
    lag_rows: float | None
    """Rows between the group's place and the end; None where they could not be counted."""
    arrival_rows_s: float | None
    """Rows a second that were written in the last 15 s or so; None where that is not known yet.

    Taken over longer than half the scale-up window, it makes a burst look as long as a real rise.
    """
    written_rows: float | None = None
    """Rows written since any fixed moment, if they are counted; throughput is then exact while arrivals change."""

    @property
    def position(self) -> int:
        """The offset from which the group reads on."""
        return self.log_start if self.committed is None else self.committed

    @property
    def lag_messages(self) -> int:
        """Records between the group's place and the end; negative where the place is not of this log."""
        return self.log_end - self.position


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """Everything that a decision rests on. Times are seconds of one clock that never goes back."""

    at_s: float
    """Now."""
    read_at_s: float
    """When the oldest of these facts was read."""
    replicas: int
    """Replicas that are asked for (`spec.replicas`)."""
    ready: int
    """Pods that are ready."""
    rolling_out: bool
    """Pods of two versions exist (`status.updatedReplicas` < `status.replicas`); a pod that starts is none."""
    rebalancing: bool
    """The group is not stable: partitions are changing hands."""
    partitions: tuple[Partition, ...]
    """Every partition of every input topic: they are shared out evenly over the replicas."""


@dataclass(frozen=True, slots=True)
class Unread:
    """The facts could not be read (broker or API server away): at `at_s`, and why."""

    at_s: float
    why: str
