"""How far a group is behind, partition by partition."""

from __future__ import annotations

from dataclasses import dataclass

from headrace.autoscale.facts import Partition

from headrace_lag.rows import Count


@dataclass(frozen=True, slots=True, order=True)
class Reader:
    """One service of one pipeline of one tenant, named as on Kubernetes (`feature-engineering`)."""

    tenant: str
    pipeline: str
    service: str

    def __str__(self) -> str:
        return f"{self.tenant}/{self.pipeline}/{self.service}"


@dataclass(frozen=True, slots=True)
class PartitionLag:
    """One partition: what the broker says of it, and the lag in three units; None where it is not known."""

    facts: Partition  # its `lag_rows` are messages where a message is a producer's record
    messages: int
    rows: Count | None
    seconds: float | None


@dataclass(frozen=True, slots=True)
class GroupLag:
    """A whole group at one moment."""

    partitions: tuple[PartitionLag, ...]
    stable: bool
    """No rebalance is running."""
    members: int

    @property
    def messages(self) -> int:
        """Messages between the committed offsets and the ends."""
        return sum(partition.messages for partition in self.partitions)

    @property
    def rows(self) -> Count | None:
        """Rows in them; None as soon as those of one partition are not known."""
        counts = [partition.rows for partition in self.partitions]
        known = [count for count in counts if count is not None]
        return sum(known, Count(0.0, exact=True)) if len(known) == len(counts) else None

    @property
    def seconds(self) -> float | None:
        """Age of the oldest of them, 0 when there is none; None as soon as that of one partition is not known."""
        ages = [partition.seconds for partition in self.partitions]
        known = [age for age in ages if age is not None]
        return max(known, default=0.0) if len(known) == len(ages) else None
