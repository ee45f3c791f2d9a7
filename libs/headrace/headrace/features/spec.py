"""What a view is: aggregates of one stream's values by key, over windows of event time cut into tiles (design §6)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from headrace.contract.duration import format_duration

AGGREGATES = ("count", "sum", "mean", "std", "min", "max", "last")


@dataclass(frozen=True, slots=True)
class Feature:
    """One feature column: `<view>__<column>__<aggregate>__<window>`; `window` in µs."""

    name: str
    column: str
    aggregate: str
    window: int


@dataclass(frozen=True, slots=True)
class ViewSpec:
    """One view over the rows of `source`.

    All lengths are µs. A request at event time t reads the tiles in [b − window, b) with b = floor(t − delay, hop).
    Raises ValueError for a view that nobody can compute.
    """

    name: str
    source: str
    key: tuple[str, ...]
    hop: int
    windows: tuple[int, ...]
    values: Mapping[str, tuple[str, ...]]  # column -> aggregates
    delay: int = 0
    slack: int = 0
    features: tuple[Feature, ...] = field(init=False)
    """The feature columns in their order: by value column, then aggregate, then window, as declared."""

    def __post_init__(self) -> None:
        if self.hop <= 0 or self.delay < 0 or self.slack < 0:
            raise ValueError(f"view {self.name}: hop must be above 0 µs, delay and slack not below 0 µs")
        if not self.windows or any(window <= 0 or window % self.hop for window in self.windows):
            raise ValueError(f"view {self.name}: windows must be whole numbers of the hop of {self.hop} µs")
        if not self.key or not self.values or not all(self.values.values()):
            raise ValueError(f"view {self.name}: it needs a key, and values with an aggregate each")
        unknown = {aggregate for aggregates in self.values.values() for aggregate in aggregates} - set(AGGREGATES)
        if unknown:
            raise ValueError(f"view {self.name}: {sorted(unknown)} must be among {', '.join(AGGREGATES)}")
        object.__setattr__(self, "features", tuple(self._features()))  # the class is frozen
        names = [feature.name for feature in self.features]
        if len(set(names)) != len(names):
            raise ValueError(f"view {self.name}: a window or an aggregate is named twice")

    def _features(self) -> Iterator[Feature]:
        for column, aggregates in self.values.items():
            for aggregate in aggregates:
                for window in self.windows:
                    name = f"{self.name}__{column}__{aggregate}__{format_duration(window)}"
                    yield Feature(name, column, aggregate, window)

    @property
    def reach(self) -> int:
        """How far behind the largest event time a tile may start and still exist, in µs."""
        return max(self.windows) + self.delay + self.hop + self.slack

    def describe(self) -> dict[str, object]:
        """What decides this view's state and answers, JSON-able: equal descriptions can share a snapshot."""
        return {
            "source": self.source,
            "key": list(self.key),
            "hop": self.hop,
            "windows": list(self.windows),
            "values": {column: [str(each) for each in aggregates] for column, aggregates in self.values.items()},
            "delay": self.delay,
            "slack": self.slack,
        }
