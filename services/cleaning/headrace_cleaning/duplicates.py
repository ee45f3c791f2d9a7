"""Which rows repeat an earlier one: keys seen within a window of event time, decided row by row.

A row repeats when a row with its key was kept at most `within` earlier or later, and that row is not more than `within`
behind the largest event time seen before: older ones are forgotten, which bounds the memory. The rule looks at rows
alone, so the cuts between batches change nothing. A row with a null in its key is never a repetition.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np
import pyarrow as pa
from headrace.contract.errors import SnapshotError

from headrace_cleaning.batch import Bools

_LOWEST = int(np.iinfo(np.int64).min)
_KEPT = "_kept"
_LARGEST = "largest"
_ROOM = 10_000  # forgotten keys that may stay in memory before they are looked for


class SeenKeys:
    """The keys of one drop_duplicates step; `within` in µs."""

    def __init__(self, by: Sequence[str], within: int) -> None:
        self._by = list(by)
        self._within = within
        self._seen: dict[tuple[Hashable, ...], int] = {}
        self._largest = _LOWEST
        self._sweep_at = _ROOM

    def repeats(self, rows: pa.Table, time: str) -> Bools:
        """Which rows are repetitions; the others are remembered."""
        times = rows[time].cast(pa.int64()).to_pylist()
        columns = [rows[name].to_pylist() for name in self._by]
        found = np.zeros(rows.num_rows, np.bool_)
        seen, within, largest = self._seen, self._within, self._largest
        for row, (key, at) in enumerate(zip(zip(*columns, strict=True), times, strict=True)):
            kept = None if None in key else seen.get(key)
            if kept is not None and kept >= largest - within:
                if abs(at - kept) <= within:
                    found[row] = True
                else:
                    seen[key] = max(kept, at)
            elif None not in key:
                seen[key] = at
            largest = max(largest, at)
        self._largest = largest
        if len(seen) > self._sweep_at:
            self._sweep()
        return found

    def snapshot(self) -> pa.Table:
        """The keys that are not forgotten, in a fixed order, with the event time of the row that was kept."""
        self._sweep()
        kept = sorted(self._seen.items(), key=repr)
        columns = {name: pa.array([key[place] for key, _ in kept]) for place, name in enumerate(self._by)}
        times = pa.array([time for _, time in kept], pa.int64())
        return pa.table({**columns, _KEPT: times}).replace_schema_metadata({_LARGEST: str(self._largest)})

    def restore(self, table: pa.Table) -> None:
        """Take up a snapshot; raises SnapshotError for one of another step."""
        said = (table.schema.metadata or {}).get(_LARGEST.encode())
        if table.schema.names != [*self._by, _KEPT] or said is None:
            raise SnapshotError(f"the keys seen are {table.schema.names}, expected those of {self._by}")
        columns = [table[name].to_pylist() for name in self._by]
        self._seen = dict(zip(zip(*columns, strict=True), table[_KEPT].to_pylist(), strict=True))
        self._largest = int(said)

    def _sweep(self) -> None:
        oldest = self._largest - self._within
        self._seen = {key: kept for key, kept in self._seen.items() if kept >= oldest}
        self._sweep_at = 2 * len(self._seen) + _ROOM
