"""What follows from a pipeline file: topics, logs, who needs what; read from the page (design §3), not the code."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from pathlib import Path
from typing import Any

import yaml

_UNITS = {"ms": 1_000, "s": 1_000_000, "m": 60_000_000, "h": 3_600_000_000, "d": 86_400_000_000}
AGGREGATES = ("count", "sum", "mean", "std", "min", "max", "last")


@dataclass(frozen=True, slots=True)
class Column:
    type: str
    nullable: bool
    one_of: tuple[str, ...] | None
    between: tuple[float, float] | None


@dataclass(frozen=True, slots=True)
class Stream:
    name: str
    format: str
    event_time: str
    columns: Mapping[str, Column]
    clean: Sequence[Mapping[str, Any]]  # Any: what YAML holds
    max_ahead: int  # µs


@dataclass(frozen=True, slots=True)
class Feature:
    name: str
    column: str
    aggregate: str
    window: int  # µs


@dataclass(frozen=True)
class View:
    name: str
    source: str
    key: tuple[str, ...]
    hop: int
    windows: tuple[int, ...]
    values: Mapping[str, tuple[str, ...]]
    delay: int
    slack: int

    @cached_property
    def features(self) -> list[Feature]:
        """`<view>__<column>__<aggregate>__<window>`, by column, then aggregate, then window."""
        return [
            Feature(f"{self.name}__{column}__{aggregate}__{_written(window)}", column, aggregate, window)
            for column, aggregates in self.values.items()
            for aggregate in aggregates
            for window in self.windows
        ]


@dataclass(frozen=True, slots=True)
class Prediction:
    name: str
    on: str
    key: str
    inputs: tuple[str, ...]
    features: tuple[str, ...]
    model: str


@dataclass(frozen=True)
class Facts:
    """One pipeline. `message_bytes` is the services' setting of that name."""

    tenant: str
    name: str
    partitions: int
    streams: Mapping[str, Stream]
    views: Mapping[str, View]
    predictions: Mapping[str, Prediction]
    waiting_rows: int
    message_bytes: int = 4 << 20

    def topic(self, *parts: str) -> str:
        """`<tenant>.<pipeline>.<hop>[.<name>]`."""
        return ".".join((self.tenant, self.name, *parts))

    def group(self, service: str) -> str:
        """The consumer group of a service."""
        return self.topic(service)

    @cached_property
    def chain(self) -> tuple[str, ...]:
        """The partitioning columns: the smallest set of which every view's key has one, in the order of the file."""
        keys = [set(view.key) for view in self.views.values()]
        candidates = list(dict.fromkeys(column for view in self.views.values() for column in view.key))
        for size in range(1, len(candidates) + 1):
            for chosen in combinations(candidates, size):
                if all(key & set(chosen) for key in keys):
                    return chosen
        return tuple(prediction.key for prediction in self.predictions.values())[:1]

    def home(self, view: str) -> int:
        """The place in the chain of the log in which a view lives."""
        return next(place for place, column in enumerate(self.chain) if column in self.views[view].key)

    def exit(self, prediction: str) -> int:
        """The place of the log after which a prediction's rows have all their features."""
        return max((self.home(view) for view in self.predictions[prediction].features), default=0)

    def needed_at(self, stream: str, place: int) -> bool:
        """Whether a stream's rows are in the log at this place: somebody needs them there or further on."""
        if place >= len(self.chain):
            return False
        viewed = any(v.source == stream and self.home(name) >= place for name, v in self.views.items())
        asked = any(p.on == stream and self.exit(name) >= place for name, p in self.predictions.items())
        return viewed or asked

    def columns_at(self, stream: str, place: int, cleaned: Sequence[str]) -> set[str]:
        """The columns of a stream that the log at this place must carry, event time aside."""
        asked = any(p.on == stream and self.exit(name) >= place for name, p in self.predictions.items())
        if asked or place == 0:  # the lake's cleaned table is split from the first log
            needed = set(cleaned)
        else:
            views = [v for name, v in self.views.items() if v.source == stream and self.home(name) >= place]
            needed = {column for view in views for column in (*view.key, *view.values)}
        return needed - {self.streams[stream].event_time}

    def views_at(self, place: int) -> list[View]:
        """The views that live in a log."""
        return [view for name, view in self.views.items() if self.home(name) == place]

    def read_at(self, stream: str, place: int) -> list[View]:
        """The views of a log that the rows of a stream read."""
        wanted = {view for p in self.predictions.values() if p.on == stream for view in p.features}
        return [view for view in self.views_at(place) if view.name in wanted]

    def log_topic(self, place: int) -> str:
        return self.topic("by", self.chain[place])

    def inputs_of(self, prediction: str) -> list[str]:
        """What a model sees, in order."""
        spec = self.predictions[prediction]
        return [*spec.inputs, *(feature.name for view in spec.features for feature in self.views[view].features)]

    def internal_topics(self) -> list[str]:
        """Every topic that a service writes."""
        clean = [self.topic("clean", name) for name in self.streams if not self.needed_at(name, 0)]
        return [
            *(self.topic("ingested", name) for name in self.streams),
            *(self.log_topic(place) for place in range(len(self.chain))),
            *clean,
            *(self.topic(hop, name) for name in self.predictions for hop in ("features", "predictions")),
            self.topic("quarantine"),
        ]

    def inputs_of_groups(self) -> dict[str, list[str]]:
        """Service → the topics its group reads."""
        clean = [self.topic("clean", name) for name in self.streams if not self.needed_at(name, 0)]
        ingested = [self.topic("ingested", name) for name in self.streams]
        logs = [self.log_topic(place) for place in range(len(self.chain))]
        features = [self.topic("features", name) for name in self.predictions]
        predictions = [self.topic("predictions", name) for name in self.predictions]
        return {
            "ingestion": [self.topic("raw", name) for name in self.streams],
            "cleaning": ingested,
            "feature_engineering": logs,
            "inference": features,
            "lake": [*ingested, *logs[:1], *clean, *features, *predictions, self.topic("quarantine")],
        }


def read_facts(file: Path, message_bytes: int = 4 << 20) -> Facts:
    """The facts of a pipeline file."""
    return facts_of(file.read_text(encoding="utf-8"), message_bytes)


def facts_of(text: str, message_bytes: int = 4 << 20) -> Facts:
    """The facts of a pipeline file's text. Every scalar is read as text: in YAML 1.2 `on` is no truth value."""
    said = yaml.load(text, Loader=yaml.BaseLoader)  # makes nothing but text, lists and mappings
    return Facts(
        tenant=said.get("tenant", "default"),
        name=said["name"],
        partitions=int(said.get("partitions", 4)),
        streams={name: _stream(name, spec) for name, spec in said["streams"].items()},
        views={name: _view(name, spec) for name, spec in (said.get("features") or {}).items()},
        predictions={name: _prediction(name, spec) for name, spec in (said.get("predictions") or {}).items()},
        waiting_rows=int(said.get("waiting_rows", 200_000)),
        message_bytes=message_bytes,
    )


def _stream(name: str, said: Mapping[str, Any]) -> Stream:
    columns = {column: _column(spec) for column, spec in said["columns"].items()}
    ahead = duration(said.get("max_ahead", "1d"))
    return Stream(name, said.get("format", "json"), said["event_time"], columns, said.get("clean") or [], ahead)


def _column(said: Any) -> Column:
    if isinstance(said, str):
        return Column(said, nullable=False, one_of=None, between=None)
    between = tuple(map(float, said["between"])) if "between" in said else None
    one_of = tuple(said["one_of"]) if "one_of" in said else None
    assert between is None or len(between) == 2
    return Column(said["type"], said.get("nullable") == "true", one_of, between)


def _view(name: str, said: Mapping[str, Any]) -> View:
    return View(
        name,
        said["from"],
        tuple(said["key"]),
        duration(said["hop"]),
        tuple(map(duration, said["windows"])),
        {column: tuple(aggregates) for column, aggregates in said["values"].items()},
        duration(said.get("delay", "0s")),
        duration(said.get("slack", "0s")),
    )


def _prediction(name: str, said: Mapping[str, Any]) -> Prediction:
    inputs, features = tuple(said.get("inputs") or ()), tuple(said.get("features") or ())
    return Prediction(name, said["on"], said["key"], inputs, features, said["model"])


def duration(text: str) -> int:
    """`5m` in µs."""
    match = re.fullmatch(r"(\d+)(ms|s|m|h|d)", text)
    assert match, f"{text!r} is no duration"
    return int(match[1]) * _UNITS[match[2]]


def _written(window: int) -> str:
    unit, size = next((unit, size) for unit, size in reversed(_UNITS.items()) if window % size == 0)
    return f"{window // size}{unit}"
