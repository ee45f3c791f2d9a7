"""From a step's effects to messages: who gets rows, who is only told the progress, and under which origin."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from headrace.runtime.intake import Consumed
from headrace.runtime.oversize import split_oversize
from headrace.runtime.stage import Effects, Output
from headrace.wire.headers import Progress
from headrace.wire.message import Message, encode_parts
from headrace.wire.origin import OriginKey, from_offsets
from headrace.wire.position import Position

_SILENT = Progress(None, behind=True)
_NO_OFFSETS = np.empty(0, np.int64)

Place = tuple[str, int]
"""A topic and one of its partitions."""


@dataclass(frozen=True, slots=True)
class Send:
    """One message and where it goes."""

    place: Place
    message: Message


class Outbox:
    """What one input partition sends.

    Tells every listener the progress unless it has nothing new to say there (design §6, rule c).
    """

    def __init__(
        self,
        key: OriginKey,
        listeners: Sequence[Place],
        schemas: dict[str, pa.Schema],
        quarantine: Place,
        limit: int,
        stream: str | None = None,
    ) -> None:
        self._key = key
        self._listeners = tuple(listeners)
        self._quarantine = quarantine
        self._limit = limit
        self._stream = stream  # of the input
        self._nothing = {topic: schema.empty_table() for topic, schema in schemas.items()}
        self._told: dict[Place, Progress] = {}  # empty at the start: an owner that starts tells everybody

    def pack(
        self,
        effects: Effects,
        refused: pa.Table,
        records: Sequence[Consumed],
        first: Position,
        following: Position,
        traceparent: str | None,
    ) -> tuple[list[Send], int]:
        """The messages of a step that covers the input from `first` up to `following`, and how many rows it rejects.

        `records` are what was read there, `refused` those that no stage could take.
        """
        rejected = [refused] if effects.rejected is None else [refused, effects.rejected]
        by_place: dict[Place, Output] = {}
        for output in effects.outputs:
            kept, oversize = split_oversize(output, self._key, self._limit, self._stream, records)
            by_place[(output.topic, output.partition)] = kept
            rejected.append(oversize)
        sends: list[Send] = []
        for place in dict.fromkeys((*by_place, *self._listeners)):
            output = by_place.get(place) or Output(*place, self._nothing[place[0]], _NO_OFFSETS, "")
            if output.rows.num_rows or self._has_news(place, effects.progress):
                listens = place in self._listeners
                progress = effects.progress if listens else _SILENT
                sends += self._messages(place, output, progress, first, following, traceparent)
                if listens:
                    self._told[place] = progress
        quarantined = pa.concat_tables(rejected)
        if quarantined.num_rows:
            quarantined = _cut(_in_order(quarantined), self._limit // 2)
            topic, partition = self._quarantine
            offsets = quarantined["topic_offset"].to_numpy()
            out = Output(topic, partition, quarantined, offsets, "time")
            sends += self._messages(self._quarantine, out, _SILENT, first, following, traceparent)
        return sends, quarantined.num_rows

    def _has_news(self, place: Place, progress: Progress) -> bool:
        told = self._told.get(place)
        return told is None or not (told == progress or not (told.behind or progress.behind))

    def _messages(
        self,
        place: Place,
        output: Output,
        progress: Progress,
        first: Position,
        following: Position,
        traceparent: str | None,
    ) -> list[Send]:
        parts = encode_parts(
            output.rows,
            origin=from_offsets(self._key, first, following, output.caused_by),
            progress=progress,
            time_column=output.time_column or None,
            limit=self._limit,
            traceparent=traceparent,
        )
        return [Send(place, message) for message in parts]


def _in_order(rejected: pa.Table) -> pa.Table:
    """Rows by the input offset that caused them; the sort keeps the order of rows of one offset."""
    order = np.argsort(rejected["topic_offset"].to_numpy(), kind="stable")
    return rejected.take(order)


def _cut(rejected: pa.Table, limit: int) -> pa.Table:
    """Rows with at most `limit` raw bytes each: what is told of a rejected row must fit into a message itself."""
    place = rejected.schema.get_field_index("raw")
    field = rejected.schema.field(place)
    return rejected.set_column(place, field, pc.binary_slice(rejected["raw"], 0, limit))
