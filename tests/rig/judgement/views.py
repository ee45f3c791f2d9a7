"""The features of design §6, from the rows themselves: every row kept, every request answered anew.

Equal to the last bit, so the floating-point operations come in the order that docs/adr/0004 fixes: the rows of a tile
in the order of their application (Welford), then the tiles from the newest to the oldest (Chan, Golub, LeVeque).
"""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from rig.judgement.arrow_rows import Row
from rig.judgement.facts import Feature, View

Place = tuple[int, int, int, int]  # event time and identity: what decides which value is the last


@dataclass(frozen=True, slots=True)
class Value:
    place: Place
    number: float


class ViewRows:
    """One view in one partition of its log."""

    def __init__(self, view: View) -> None:
        self.view = view
        self._reach = max(view.windows) + view.delay + view.hop + view.slack
        self._rows: dict[tuple[Any, ...], dict[int, list[tuple[Place, Row]]]] = defaultdict(dict)
        self.too_late = 0

    def add(self, row: Row, newest: int | None) -> None:
        """Keep a row, unless its tile is gone; `newest` is the largest event time applied before it."""
        start = self._tile(row["_time"])
        if not self._exists(start, newest):
            self.too_late += 1
            return
        key = tuple(row[name] for name in self.view.key)
        if None not in key:
            place = (row["_time"], row["_partition"], row["_offset"], row["_row"])
            self._rows[key].setdefault(start, []).append((place, row))

    def answer(self, request: Row, newest: int | None) -> Row:
        """The view's features for a request."""
        end = self._tile(request["_time"] - self.view.delay)
        tiles = self._rows.get(tuple(request[name] for name in self.view.key), {})
        answers: Row = {}
        for window in self.view.windows:
            starts = [start for start in tiles if end - window <= start < end and self._exists(start, newest)]
            rows = [tiles[start] for start in sorted(starts, reverse=True)]
            for column in self.view.values:
                values = [_values(tile, column) for tile in rows]
                for feature in self.view.features:
                    if (feature.column, feature.window) == (column, window):
                        answers[feature.name] = _aggregate(feature, values)
        return answers

    def forget(self, newest: int) -> None:
        """Let go of tiles that no later row can see: it only saves time."""
        for key, tiles in list(self._rows.items()):
            kept = {start: rows for start, rows in tiles.items() if self._exists(start, newest)}
            if kept:
                self._rows[key] = kept
            else:
                del self._rows[key]

    def _tile(self, time: int) -> int:
        return time // self.view.hop * self.view.hop

    def _exists(self, start: int, newest: int | None) -> bool:
        return newest is None or start >= newest - self._reach


def _values(rows: list[tuple[Place, Row]], column: str) -> list[Value]:
    """Null, NaN and infinities are not aggregated."""
    found = [(place, row[column]) for place, row in rows]
    return [Value(place, float(v)) for place, v in found if v is not None and math.isfinite(v)]


def _aggregate(feature: Feature, tiles: list[list[Value]]) -> float | int | None:
    """One aggregate of a window's values, given tile by tile from the newest to the oldest; None: undefined."""
    values = [value for tile in tiles for value in tile]
    if feature.aggregate == "count":
        return len(values)
    if not values:
        return None
    match feature.aggregate:
        case "sum":
            return _added([_added([value.number for value in tile]) for tile in tiles if tile])
        case "mean":
            return _moments(tiles)[1]
        case "std":
            n, _, m2 = _moments(tiles)
            return math.sqrt(m2 / (n - 1.0)) if n > 1.0 else None
        case "min":
            return min(value.number for value in values)
        case "max":
            return max(value.number for value in values)
        case "last":
            return max(values, key=lambda value: value.place).number
    raise AssertionError(f"no aggregate {feature.aggregate}")


def _added(numbers: list[float]) -> float:
    total = 0.0
    for number in numbers:
        total += number
    return total


def _moments(tiles: list[list[Value]]) -> tuple[float, float, float]:
    """How many, their mean, and the sum of squared distances from it."""
    n, mean, m2 = 0.0, 0.0, 0.0
    for tile in tiles:
        if not tile:
            continue
        tile_n, tile_mean, tile_m2 = 0.0, 0.0, 0.0
        for value in tile:
            tile_n += 1.0
            delta = value.number - tile_mean
            tile_mean += delta / tile_n
            tile_m2 += delta * (value.number - tile_mean)
        both = n + tile_n
        delta = tile_mean - mean
        mean += delta * (tile_n / both)
        m2 += tile_m2 + delta * delta * (n * tile_n / both)
        n = both
    return n, mean, m2
