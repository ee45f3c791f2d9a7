"""The kernel: one pass over the rows of one view, strictly row by row, compiled by numba.

Within a tile mean and M2 follow Welford (1962), one row at a time; tiles are merged by the pairwise formula of Chan,
Golub and LeVeque (1979), the newest tile first, so that one pass serves every window. The order of the floating-point
operations is part of the contract: no batch cut can change a bit, and the reference does the same in the same order.
"""

from __future__ import annotations

import functools
from typing import Protocol

import numba
import numpy as np
import numpy.typing as npt
from numba.extending import register_jitable

Int64s = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

NO_TILE = int(np.iinfo(np.int64).min)  # a place of a ring that never held a tile

# Columns of `fields`: the cell of each accumulator, or -1 where no aggregate needs it. M2 lives in the cell after the
# mean; PLACE counts in marks. Here and not in layout.py, because numba's cache on disk watches this file only.
N, SUM, MEAN, MIN, MAX, LAST, PLACE = range(7)

_COUNT_OUT, _SUM_OUT, _MEAN_OUT, _STD_OUT, _MIN_OUT, _MAX_OUT, _LAST_OUT = range(7)  # the order of spec.AGGREGATES
_SIGNATURE = (
    "void(int64[::1], int64[::1], int64[::1], int64[::1], boolean[::1], boolean[::1], int64[:, ::1], float64[:, ::1], "
    "int64[:, ::1], int64[::1], int64[:, :, ::1], int64[:, ::1], float64[:, :, ::1], int64[:, :, ::1], float64[:, ::1])"
)


class Fold(Protocol):
    """The compiled `fold`."""

    def __call__(
        self,
        tile: Int64s,
        upto: Int64s,
        first: Int64s,
        slot: Int64s,
        source: Flags,
        request: Flags,
        place: Int64s,
        values: Floats,
        fields: Int64s,
        windows: Int64s,
        answers: Int64s,
        tags: Int64s,
        cells: Floats,
        marks: Int64s,
        out: Floats,
    ) -> None: ...


@functools.cache
def compiled() -> Fold:
    """Compile `fold` for this machine (seconds), or load it from numba's cache on disk."""
    kernel: Fold = numba.njit(_SIGNATURE, cache=True, error_model="numpy")(fold)
    return kernel


def fold(
    tile: Int64s,  # [rows] the tile that a row falls into
    upto: Int64s,  # [rows] the first tile that a request no longer reads
    first: Int64s,  # [rows] the oldest tile that exists for this row
    slot: Int64s,  # [rows] the key's number, -1: no such key
    source: Flags,  # [rows] the row is added
    request: Flags,  # [rows] the row reads, before it is added
    place: Int64s,  # [rows, 4] what decides which value is the last; [0, 4] where no aggregate asks
    values: Floats,  # [rows, columns] NaN and infinities are not aggregated
    fields: Int64s,
    windows: Int64s,
    answers: Int64s,
    tags: Int64s,  # [slots, ring] which tile a place of the ring holds
    cells: Floats,  # [slots, ring, cells]
    marks: Int64s,  # [slots, ring, marks]
    out: Floats,  # [requests, features] filled in the order of the requests; NaN: null
) -> None:
    """Apply rows to a view's state in place and answer its requests; `layout.Layout` says what the tables mean."""
    ring = tags.shape[1]
    live = np.empty(ring, np.int64)
    age = np.empty(ring, np.int64)
    answered = 0
    for row in range(tile.shape[0]):
        key = slot[row]
        if request[row]:
            found = _find(tags, key, upto[row], max(first[row], upto[row] - windows[-1]), live, age)
            for column in range(fields.shape[0]):
                _answer(cells, key, live, age, found, fields[column], windows, answers[column], out[answered])
            answered += 1
        if source[row] and key >= 0:
            where = tile[row] % ring
            if tags[key, where] != tile[row]:
                tags[key, where] = tile[row]
                cells[key, where, :] = 0.0
            for column in range(fields.shape[0]):
                value = values[row, column]
                if np.isfinite(value):
                    _add(value, fields[column], cells[key, where], marks[key, where], place, row)


def _add(value: float, field: Int64s, cell: Floats, mark: Int64s, place: Int64s, row: int) -> None:
    n = cell[field[N]] + 1.0
    cell[field[N]] = n
    if field[SUM] >= 0:
        cell[field[SUM]] += value
    if field[MEAN] >= 0:
        at = field[MEAN]
        delta = value - cell[at]
        cell[at] += delta / n
        cell[at + 1] += delta * (value - cell[at])
    if field[MIN] >= 0 and (n == 1.0 or value < cell[field[MIN]]):
        cell[field[MIN]] = value
    if field[MAX] >= 0 and (n == 1.0 or value > cell[field[MAX]]):
        cell[field[MAX]] = value
    if field[LAST] >= 0 and (n == 1.0 or _later(place[row], mark, field[PLACE])):
        cell[field[LAST]] = value
        for part in range(4):
            mark[field[PLACE] + part] = place[row, part]


def _later(place: Int64s, mark: Int64s, at: int) -> bool:
    for part in range(4):
        if place[part] != mark[at + part]:
            return bool(place[part] > mark[at + part])
    return False


def _find(tags: Int64s, key: int, upto: int, oldest: int, live: Int64s, age: Int64s) -> int:
    """List the places of the key's tiles in [oldest, upto), the newest first, with their age in tiles (newest: 1)."""
    found = 0
    if key < 0:
        return found
    ring = tags.shape[1]
    where = (upto - 1) % ring
    for tile in range(upto - 1, oldest - 1, -1):
        if tags[key, where] == tile:
            live[found] = where
            age[found] = upto - tile
            found += 1
        where = where - 1 if where > 0 else ring - 1
    return found


def _answer(
    cells: Floats,
    key: int,
    live: Int64s,
    age: Int64s,
    found: int,
    field: Int64s,
    windows: Int64s,
    answer: Int64s,
    out: Floats,
) -> None:
    """Merge one value column's tiles, the newest first, and write its aggregates at the end of every window."""
    n = 0.0
    total = 0.0
    mean = 0.0
    m2 = 0.0
    low = np.inf
    high = -np.inf
    last = np.nan
    next_tile = 0
    for window in range(windows.shape[0]):
        while next_tile < found and age[next_tile] <= windows[window]:
            cell = cells[key, live[next_tile]]
            next_tile += 1
            more = cell[field[N]]
            if more == 0.0:
                continue
            if n == 0.0 and field[LAST] >= 0:
                last = cell[field[LAST]]
            both = n + more
            if field[SUM] >= 0:
                total += cell[field[SUM]]
            if field[MEAN] >= 0:
                delta = cell[field[MEAN]] - mean
                mean += delta * (more / both)
                m2 += cell[field[MEAN] + 1] + delta * delta * (n * more / both)
            if field[MIN] >= 0 and cell[field[MIN]] < low:
                low = cell[field[MIN]]
            if field[MAX] >= 0 and cell[field[MAX]] > high:
                high = cell[field[MAX]]
            n = both
        _write(answer[_COUNT_OUT, window], n, out)
        if n > 0.0:
            _write(answer[_SUM_OUT, window], total, out)
            _write(answer[_MEAN_OUT, window], mean, out)
            _write(answer[_MIN_OUT, window], low, out)
            _write(answer[_MAX_OUT, window], high, out)
            _write(answer[_LAST_OUT, window], last, out)
        if n > 1.0:
            _write(answer[_STD_OUT, window], np.sqrt(m2 / (n - 1.0)), out)


def _write(at: int, value: float, out: Floats) -> None:
    if at >= 0:
        out[at] = value


for _helper in (_add, _later, _find, _answer, _write):
    register_jitable(_helper)
