"""Where a view's numbers live: which cell of a tile holds what, and which answer column each aggregate fills."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from headrace.features.kernel import LAST, MAX, MEAN, MIN, PLACE, SUM, N
from headrace.features.spec import AGGREGATES, ViewSpec

PLACE_PARTS = ("time", "partition", "offset", "row")  # what decides which value is the last

_NEEDS = {"sum": SUM, "mean": MEAN, "std": MEAN, "min": MIN, "max": MAX, "last": LAST}
_CELL_NAMES = {SUM: ("sum",), MEAN: ("mean", "m2"), MIN: ("min",), MAX: ("max",), LAST: ("last",)}


class Layout:
    """The numbers that the kernel is driven by, compiled from a view.

    `fields[c, f]`: see kernel.N and its like. `windows`: lengths in tiles, ascending. `answers[c, a, w]`: the index of
    the feature that aggregate a (in the order of AGGREGATES) of value column c over windows[w] is, or -1.
    """

    def __init__(self, spec: ViewSpec) -> None:
        self.columns = tuple(spec.values)
        self.cell_names: list[str] = []
        self.mark_names: list[str] = []
        self.fields = np.full((len(self.columns), 7), -1, np.int64)
        for index, (column, aggregates) in enumerate(spec.values.items()):
            self._place(index, column, {_NEEDS[name] for name in aggregates if name in _NEEDS})
        self.windows: npt.NDArray[np.int64] = np.array(sorted(spec.windows), np.int64) // spec.hop
        self.answers = np.full((len(self.columns), len(AGGREGATES), len(self.windows)), -1, np.int64)
        for index, feature in enumerate(spec.features):
            where = self.columns.index(feature.column), AGGREGATES.index(feature.aggregate)
            self.answers[(*where, sorted(spec.windows).index(feature.window))] = index
        # Two tiles that share a place in the ring are so far apart that the older has ceased to exist (design §6).
        self.ring = spec.reach // spec.hop + 1

    def _place(self, index: int, column: str, needed: set[int]) -> None:
        self.fields[index, N] = len(self.cell_names)
        self.cell_names.append(f"{column}.n")
        for field in sorted(needed):
            self.fields[index, field] = len(self.cell_names)
            self.cell_names += [f"{column}.{name}" for name in _CELL_NAMES[field]]
        if LAST in needed:
            self.fields[index, PLACE] = len(self.mark_names)
            self.mark_names += [f"{column}.last_{part}" for part in PLACE_PARTS]
