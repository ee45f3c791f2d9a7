"""Count and mean of a value per key over the last six tiles: what a careful person writes by hand, with numba."""

from __future__ import annotations

import numba
import numpy as np
import numpy.typing as npt

HOP = 10_000_000  # µs
_TILES = 6  # in the window
_RING = 8  # tiles kept: the window, the one that is being filled, and one to come

Floats = npt.NDArray[np.float64]
Int64s = npt.NDArray[np.int64]


class TileRing:
    """The tiles of every key that was seen; no snapshot, no restart."""

    def __init__(self, keys: int) -> None:
        self._slots: dict[str, int] = {}
        self._tags = np.full((keys, _RING), -1, np.int64)
        self._counts = np.zeros((keys, _RING), np.int64)
        self._sums = np.zeros((keys, _RING))

    def apply(self, keys: list[str], times: Int64s, values: Floats) -> tuple[Int64s, Floats]:
        """Count and mean (NaN for none) that each row reads before it is added itself."""
        slots = self._slots
        number = np.array([slots.setdefault(key, len(slots)) for key in keys], np.int64)
        counts, means = np.empty(len(keys), np.int64), np.empty(len(keys))
        _fold(times // HOP, number, values, self._tags, self._counts, self._sums, counts, means)
        return counts, means


@numba.njit(cache=True)
def _fold(
    tiles: Int64s,
    slots: Int64s,
    values: Floats,
    tags: Int64s,
    counts: Int64s,
    sums: Floats,
    count_out: Int64s,
    mean_out: Floats,
) -> None:
    for row in range(len(tiles)):
        tile, slot = tiles[row], slots[row]
        count, total = 0, 0.0
        for each in range(tile - _TILES, tile):
            place = each % _RING
            if tags[slot, place] == each:
                count += counts[slot, place]
                total += sums[slot, place]
        count_out[row] = count
        mean_out[row] = total / count if count else np.nan
        place = tile % _RING
        if tags[slot, place] < tile:
            tags[slot, place], counts[slot, place], sums[slot, place] = tile, 0, 0.0
        if tags[slot, place] == tile:
            counts[slot, place] += 1
            sums[slot, place] += values[row]
