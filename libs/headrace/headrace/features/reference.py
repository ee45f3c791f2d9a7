"""The features of design §6 for a reader: every row kept, every request answered anew from the rows. Slow and obvious.

Tests hold the kernel equal to this, bit by bit: so floating-point operations come in the kernel's order (rows of a
tile in the order of their application, then tiles from the newest to the oldest).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa

from headrace.features.engine import feature_schema
from headrace.features.spec import ViewSpec

Place = tuple[int, int, int, int]  # event time and identity
Row = dict[str, object]


@dataclass(frozen=True, slots=True)
class Value:
    """One value of a row that was applied."""

    place: Place
    number: float


@dataclass(frozen=True, slots=True)
class Moments:
    """How many, their mean and the sum of their squared distances from it."""

    n: float = 0.0
    mean: float = 0.0
    m2: float = 0.0

    def with_row(self, number: float) -> Moments:
        """One more row (Welford 1962)."""
        n = self.n + 1.0
        delta = number - self.mean
        mean = self.mean + delta / n
        return Moments(n, mean, self.m2 + delta * (number - mean))

    def with_tile(self, tile: Moments) -> Moments:
        """All rows of another tile (Chan, Golub and LeVeque 1979)."""
        n = self.n + tile.n
        delta = tile.mean - self.mean
        return Moments(
            n,
            self.mean + delta * (tile.n / n),
            self.m2 + (tile.m2 + delta * delta * (self.n * tile.n / n)),
        )


class ReferenceView:
    """One view: the rows added so far, in the order in which they were applied."""

    def __init__(self, spec: ViewSpec) -> None:
        self.spec = spec
        self.too_late = 0
        self._rows: list[tuple[Place, Row]] = []

    def exists(self, tile_start: int, largest: int | None) -> bool:
        """Whether a tile still exists for a row before which `largest` was the largest event time applied."""
        return largest is None or tile_start >= largest - self.spec.reach

    def tile_start(self, time: int) -> int:
        """The start of the tile that holds this event time."""
        return time // self.spec.hop * self.spec.hop

    def add(self, place: Place, row: Row, largest: int | None) -> None:
        """Keep a row of the source, unless its tile is gone."""
        if self.exists(self.tile_start(place[0]), largest):
            self._rows.append((place, row))
        else:
            self.too_late += 1

    def answer(self, time: int, row: Row, largest: int | None) -> Row:
        """The features of a request at event time `time`."""
        end = self.tile_start(time - self.spec.delay)
        answers: Row = {}
        for feature in self.spec.features:
            tiles: dict[int, list[Value]] = {}
            for place, kept in self._rows:
                start = self.tile_start(place[0])
                number = _number(kept[feature.column])
                in_window = end - feature.window <= start < end and self.exists(start, largest)
                if in_window and number is not None and self._same_key(kept, row):
                    tiles.setdefault(start, []).append(Value(place, number))
            newest_first = [tiles[start] for start in sorted(tiles, reverse=True)]
            answers[feature.name] = _aggregate(feature.aggregate, newest_first)
        return answers

    def _same_key(self, kept: Row, row: Row) -> bool:
        return all(row[name] is not None and row[name] == kept[name] for name in self.spec.key)


class Reference:
    """What `Engine` does, for a reader."""

    def __init__(self, views: Sequence[ViewSpec], requests: Mapping[str, Sequence[str]]) -> None:
        self._views = {view.name: ReferenceView(view) for view in views}
        self._requests = requests
        self._largest: int | None = None

    @property
    def too_late(self) -> dict[str, int]:
        """For each view, how many of its source's rows came after their tile had ceased to exist."""
        return {name: view.too_late for name, view in self._views.items()}

    def apply(self, rows: pa.Table) -> dict[str, pa.Table]:
        """Apply released rows in their order and answer the requests among them; see `Engine.apply`."""
        answers: dict[str, list[Row]] = {stream: [] for stream in self._requests}
        times = rows["_time"].cast(pa.int64()).to_pylist()
        for time, row in zip(times, rows.to_pylist(), strict=True):
            stream = row["_stream"]
            if stream in answers:
                views = [self._views[name] for name in self._requests[stream]]
                found = [view.answer(time, row, self._largest) for view in views]
                answers[stream].append({name: value for each in found for name, value in each.items()})
            for view in self._views.values():
                if view.spec.source == stream:
                    view.add((time, row["_partition"], row["_offset"], row["_row"]), row, self._largest)
            self._largest = time if self._largest is None else max(self._largest, time)
        return {
            stream: pa.Table.from_pylist(
                answers[stream], schema=feature_schema([self._views[name].spec for name in names])
            )
            for stream, names in self._requests.items()
        }


def _number(value: object) -> float | None:
    """A value as it is aggregated: null, NaN and infinities are not."""
    if not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)


def _aggregate(aggregate: str, tiles: Sequence[Sequence[Value]]) -> float | int | None:
    """One aggregate of the values of a window, given by tile from the newest to the oldest; None where undefined."""
    values = [value for tile in tiles for value in tile]
    if aggregate == "count":
        return len(values)
    if not values:
        return None
    match aggregate:
        case "sum":
            return _defined(_sum(_sum(value.number for value in tile) for tile in tiles))
        case "mean":
            return _defined(_moments(tiles).mean)
        case "std":
            moments = _moments(tiles)
            return _defined(math.sqrt(moments.m2 / (moments.n - 1.0))) if moments.n > 1.0 else None
        case "min":
            return min(value.number for value in values)
        case "max":
            return max(value.number for value in values)
        case _:
            return max(values, key=lambda value: value.place).number


def _sum(numbers: Iterable[float]) -> float:
    """From left to right; the builtin compensates for rounding in some versions of Python."""
    total = 0.0
    for number in numbers:
        total += number
    return total


def _moments(tiles: Sequence[Sequence[Value]]) -> Moments:
    window = Moments()
    for tile in tiles:
        moments = Moments()
        for value in tile:
            moments = moments.with_row(value.number)
        window = window.with_tile(moments)
    return window


def _defined(number: float) -> float | None:
    """An overflow can leave something that is not a number: null."""
    return None if math.isnan(number) else number
