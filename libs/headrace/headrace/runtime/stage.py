"""What a stage is to the runtime: a deterministic function of one input partition, with all I/O left out.

The runtime reads, gates, drops replays, encodes, sends, snapshots and commits; a stage turns rows into rows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from headrace.wire.headers import Progress
from headrace.wire.origin import OriginKey


@dataclass(frozen=True, slots=True)
class Record:
    """One record of a raw topic, as it was produced; `timestamp` is Kafka's, in ms."""

    offset: int
    timestamp: int
    value: bytes | None


@dataclass(frozen=True, slots=True)
class Arrival:
    """One message of an internal topic after the gate: rows that were not seen before, and what its origin says."""

    offset: int
    timestamp: int
    origin: OriginKey
    progress: Progress
    rows: pa.Table


Item = Record | Arrival


@dataclass(frozen=True, slots=True)
class Output:
    """Rows for one partition of one topic, in order; `caused_by[i]` is the input offset that caused row i."""

    topic: str
    partition: int
    rows: pa.Table
    caused_by: npt.NDArray[np.int64]  # non-decreasing
    time_column: str  # the rows' event time


def scattered(
    topic: str,
    rows: pa.Table,
    caused_by: npt.NDArray[np.int64],
    time_column: str,
    partitions: npt.NDArray[np.int64],
) -> list[Output]:
    """Rows for many partitions of one topic, row i for `partitions[i]`; those of one partition keep their order."""
    if not rows.num_rows:
        return []
    order = np.argsort(partitions, kind="stable")  # one take and slices of it: a take for each partition costs as much
    sorted_rows, causes = rows.take(order), caused_by[order]
    numbers, starts, counts = np.unique(partitions[order], return_index=True, return_counts=True)
    return [
        Output(topic, int(number), sorted_rows.slice(start, count), causes[start : start + count], time_column)
        for number, start, count in zip(numbers, starts, counts, strict=True)
    ]


_SILENT = Progress(None, behind=True)


@dataclass(frozen=True, slots=True)
class Effects:
    """What one step did.

    `rejected` has the quarantine schema, with the input offset of each row in `topic_offset`, non-decreasing.
    `progress` is told to every partition in `Stage.listeners`, with rows or without. `counts` are added to the
    stage's metrics (rows kept, filtered, late, ...).
    """

    outputs: Sequence[Output] = ()
    rejected: pa.Table | None = None
    progress: Progress = _SILENT
    counts: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class Input:
    """One input topic of a stage.

    `schema` is None for raw topics; `stream` is the one whose rows it holds, None for a log that many share.
    """

    topic: str
    schema: pa.Schema | None
    stream: str | None = None


Snapshot = dict[str, pa.Table]
"""A state as named tables; scalars travel in the tables' schema metadata."""


class State(Protocol):
    """The state of one input partition: a fold over its log, so equal offsets mean equal states."""

    def step(self, items: Sequence[Item], *, at_end: bool) -> Effects:
        """Apply the next items of the log, in order, and return what follows from them.

        `at_end`: nothing more is waiting in the input. With no items, only progress can follow. Called in a worker
        thread, never concurrently for one partition.
        """

    def snapshot(self) -> Snapshot | None:
        """Return the whole state, or None for a stage that has none worth keeping."""

    def refresh(self) -> bool:
        """Take up what has changed outside (a model), between two steps.

        True when it has: the runtime then saves a snapshot before the next step, so that no replay crosses the change.
        Called in the event loop, so it only looks: whatever takes time was done before.
        """
        return False


class Stage(Protocol):
    """A stage: which topics it reads and writes, and a state per input partition."""

    name: str

    def inputs(self) -> Sequence[Input]:
        """Return the topics this stage reads."""

    def origins(self, topic: str, partition: int) -> Sequence[OriginKey]:
        """Return every writer that the plan knows for this partition; messages of others are refused."""

    def listeners(self, topic: str, partition: int) -> Sequence[tuple[str, int]]:
        """Return the output partitions that must be told how far this input partition has come."""

    def open(self, topic: str, partition: int, snapshot: Snapshot | None) -> State:
        """Return the state of a partition as of a snapshot, or of the start of the log.

        Raises SnapshotError for a snapshot of another plan.
        """
