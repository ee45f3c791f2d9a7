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
    """The type; a timestamp is in microseconds, UTC."""
    nullable: bool = False
    """Whether a value may be missing or null; else such a row is rejected."""
    one_of: tuple[str | int | float | bool, ...] | None = Field(default=None, min_length=1)
    """The values that are allowed; a row with another is rejected."""
    between: tuple[float, float] | None = None
    """The least and the greatest value, both allowed; a row outside is rejected."""

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
    """What producers write into the raw topic."""
    event_time: str
    """The column that says when it happened: a timestamp that is never null."""
    columns: dict[Name, Column] = Field(min_length=1)
    """The columns that are read, by name; whatever else a record has is ignored and counted."""
    clean: tuple[CleanStep, ...] = ()
    """The clean steps, in order."""
    max_ahead: Duration = 86_400_000_000
    """How far an event time may lie ahead of its record's Kafka timestamp; a row further ahead is rejected."""

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
    """The stream whose rows are aggregated."""
    key: tuple[Name, ...] = Field(min_length=1)
    """The columns that rows are grouped by; a request is answered for its own values of them."""
    hop: Duration
    """The length of a tile: a window ends at the last whole multiple of it before the request."""
    windows: tuple[Duration, ...] = Field(min_length=1)
    """How far back to look; each a whole number of tiles."""
    values: dict[Name, tuple[Aggregate, ...]] = Field(min_length=1)
    """Which aggregates of which columns."""
    delay: Duration = 0
    """How much earlier the windows end, so that late rows matter less."""
    slack: Duration = 0
    """How long tiles are kept beyond the longest window, for rows that come late."""

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
    """The stream that tells what happened."""
    by: tuple[Name, ...] = Field(min_length=1)
    """The columns that both streams have, by which a request finds its label."""
    value: str
    """SQL over a row of that stream: true or false."""
    within: Duration
    """How long after its request a label may come."""


class Prediction(Part):
    """One request per row of a stream, answered by a model."""

    on: Name
    """The stream of requests: every row of it is scored."""
    key: Name
    """The column that names a request; its prediction carries it."""
    inputs: tuple[Name, ...] = ()
    """The request's own columns that the model sees, as they are."""
    features: tuple[Name, ...] = ()
    """The views whose features the model sees."""
    model: Name
    """The model's name in the registry."""
    label: Label | None = None
    """How it turned out; needed for training."""

    @model_validator(mode="after")
    def _something_to_score(self) -> Self:
        if not self.inputs and not self.features:
            raise ValueError("a model needs inputs or features, and there are none")
        return self


class QuarantineLimit(Part):
    """How many rows a stage may reject in a while before it stops and says so."""

    rows: int = Field(default=100_000, ge=1)
    """The most rows that one service may reject."""
    within: Duration = 60_000_000
    """In how long a time."""


class Pipeline(Part):
    """A whole pipeline: what one file declares."""

    headrace: Literal[1]
    """The version of this format."""
    name: Name
    """The pipeline's name; topics, tables and consumer groups carry it."""
    tenant: Name = "default"
    """Who it belongs to; the first part of every name."""
    partitions: int = Field(default=4, ge=1, le=1024)
    """The partitions of each of its topics. Never changed later: rows are placed by it."""
    streams: dict[Name, Stream] = Field(min_length=1)
    """The streams of raw events, by name."""
    features: dict[Name, View] = Field(default_factory=dict)
    """The feature views, by name."""
    predictions: dict[Name, Prediction] = Field(default_factory=dict)
    """The predictions, by name."""
    lake: tuple[Hop, ...] = tuple(Hop)
    """The hops whose rows the lake keeps."""
    quarantine: QuarantineLimit = QuarantineLimit()
    """How many rows may be rejected before a service stops."""
    waiting_rows: int = Field(default=200_000, ge=1)
    """How many rows of one log partition may wait for their turn; past it the oldest are applied early and counted."""
