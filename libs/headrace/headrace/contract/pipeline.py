"""The pipeline file as types. Reading it from text, with line numbers, is contract.load."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from headrace.contract.clean import CleanStep
from headrace.contract.columns import ColumnType
from headrace.contract.duration import format_duration
from headrace.contract.fields import Duration, Name, Part
from headrace.contract.identity import RESERVED


class Format(StrEnum):
    """What producers write into a raw topic."""

    JSON = "json"  # one object per record
    NDJSON = "ndjson"  # one object per line
    CSV = "csv"  # with a header line in every record
    ARROW = "arrow"  # one Arrow IPC stream per record


class Hop(StrEnum):
    """A hop whose rows the lake can keep."""

    INGESTED = "ingested"
    CLEANED = "cleaned"
    FEATURES = "features"
    PREDICTIONS = "predictions"
    QUARANTINE = "quarantine"


class Aggregate(StrEnum):
    """What a view can say of the values in a window."""

    COUNT = "count"
    SUM = "sum"
    MEAN = "mean"
    STD = "std"
    MIN = "min"
    MAX = "max"
    LAST = "last"


class Column(Part):
    """One column of a stream; `string` alone is short for `{type: string}`."""

    type: ColumnType
    nullable: bool = False
    one_of: tuple[str | int | float | bool, ...] | None = Field(default=None, min_length=1)
    between: tuple[float, float] | None = None  # both ends included

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, value: Any) -> Any:  # Any: what YAML holds, before it is checked
        return {"type": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _limits_fit_the_type(self) -> Self:
        if self.between is not None and not self.type.is_number:
            raise ValueError(f"between needs a number, and this column is a {self.type}")
        if self.between is not None and self.between[0] > self.between[1]:
            raise ValueError(
                f"between runs from {self.between[0]:g} down to {self.between[1]:g}: write the smaller first"
            )
        return self


class Stream(Part):
    """A raw topic, the typed rows in it and how they are cleaned."""

    format: Format = Format.JSON
    event_time: str
    columns: dict[Name, Column] = Field(min_length=1)
    clean: tuple[CleanStep, ...] = ()
    max_ahead: Duration = 86_400_000_000  # an event time further ahead of its record's Kafka timestamp is rejected

    @model_validator(mode="after")
    def _event_time_is_a_timestamp(self) -> Self:
        column = self.columns.get(self.event_time)
        if column is None:
            raise ValueError(f"event_time names {self.event_time!r}, which is not one of its columns")
        if column.type is not ColumnType.TIMESTAMP or column.nullable:
            raise ValueError(f"event_time needs a timestamp that is never null, and {self.event_time!r} is not")
        return self

    @model_validator(mode="after")
    def _names_are_free(self) -> Self:
        taken = RESERVED & self.columns.keys()
        if taken:
            raise ValueError(f"{', '.join(sorted(taken))}: names with these meanings are Headrace's own")
        return self


class View(Part):
    """Aggregates of one stream's values by key, over windows of event time cut into tiles of `hop`."""

    source: Name = Field(alias="from")
    key: tuple[Name, ...] = Field(min_length=1)
    hop: Duration
    windows: tuple[Duration, ...] = Field(min_length=1)
    values: dict[Name, tuple[Aggregate, ...]] = Field(min_length=1)
    delay: Duration = 0
    slack: Duration = 0

    @model_validator(mode="after")
    def _windows_are_whole_tiles(self) -> Self:
        if self.hop <= 0:
            raise ValueError("hop must be longer than nothing")
        for window in self.windows:
            if window <= 0 or window % self.hop:
                tiles = f"whole number of {format_duration(self.hop)} tiles"
                raise ValueError(f"windows has {format_duration(window)}, which is no {tiles}")
        return self


class Label(Part):
    """What really happened, told later by another stream."""

    source: Name = Field(alias="from")
    by: tuple[Name, ...] = Field(min_length=1)
    value: str  # SQL over the label stream's columns
    within: Duration


class Prediction(Part):
    """One request per row of a stream, answered by a model."""

    on: Name
    key: Name
    inputs: tuple[Name, ...] = ()
    features: tuple[Name, ...] = ()
    model: Name
    label: Label | None = None

    @model_validator(mode="after")
    def _something_to_score(self) -> Self:
        if not self.inputs and not self.features:
            raise ValueError("a model needs inputs or features, and there are none")
        return self


class QuarantineLimit(Part):
    """How many rows a stage may reject in a while before it stops and says so."""

    rows: int = Field(default=100_000, ge=1)
    within: Duration = 60_000_000


class Pipeline(Part):
    """A whole pipeline: what one file declares."""

    headrace: Literal[1]
    name: Name
    tenant: Name = "default"
    partitions: int = Field(default=4, ge=1, le=1024)
    streams: dict[Name, Stream] = Field(min_length=1)
    features: dict[Name, View] = Field(default_factory=dict)
    predictions: dict[Name, Prediction] = Field(default_factory=dict)
    lake: tuple[Hop, ...] = tuple(Hop)
    quarantine: QuarantineLimit = QuarantineLimit()
    waiting_rows: int = Field(
        default=200_000, ge=1
    )  # per partition of a log; past it the oldest are applied and counted
