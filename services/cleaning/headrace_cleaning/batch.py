"""Rows on their way through the clean steps, and what became of those that did not get through."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from headrace.contract.quarantine import Reason

Bools = npt.NDArray[np.bool_]
Int64s = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Rejected:
    """Rows, by their places in the input, that one rule has rejected; `detail` says why."""

    places: Int64s
    reason: Reason
    rule: str
    detail: str


@dataclass(slots=True)
class Batch:
    """The rows that are still there; `places[i]` is where row i stood in the input."""

    rows: pa.Table
    places: Int64s
    rejected: list[Rejected] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)

    def reject(self, bad: Bools, reason: Reason, rule: str, detail: str) -> None:
        """Take these rows out, for quarantine."""
        if bad.any():
            self.rejected.append(Rejected(self.places[bad], reason, rule, detail))
            self._keep(~bad)

    def drop(self, bad: Bools, outcome: str) -> None:
        """Take these rows out, on purpose and counted."""
        if bad.any():
            self.counts[outcome] += int(np.count_nonzero(bad))
            self._keep(~bad)

    def put(self, name: str, values: pa.Array | pa.ChunkedArray) -> None:
        """Add a column or replace it."""
        place = self.rows.schema.get_field_index(name)
        if place < 0:
            self.rows = self.rows.append_column(name, values)
        else:
            self.rows = self.rows.set_column(place, name, values)

    def _keep(self, good: Bools) -> None:
        self.rows = self.rows.filter(pa.array(good))
        self.places = self.places[good]
