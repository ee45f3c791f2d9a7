"""One input partition as a fold over its log, with no I/O: records in, messages out, state and marks moved on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa

from headrace.runtime.intake import Consumed, LogIntake, RawIntake
from headrace.runtime.marks import Heard
from headrace.runtime.outbox import Outbox, Place, Send
from headrace.runtime.stage import Arrival, Input, Snapshot, Stage
from headrace.wire.origin import OriginKey
from headrace.wire.position import Position


@dataclass(frozen=True, slots=True)
class Output:
    """What one step leaves to be done: messages to send, and what to count."""

    sends: Sequence[Send]
    rejected: int
    replayed: int
    counts: Counter[str]


@dataclass(frozen=True, slots=True)
class Routes:
    """Where a stage's output goes: the schemas of its topics, the quarantine, and the most bytes of one message."""

    schemas: dict[str, pa.Schema]
    quarantine: str
    partitions: int  # of the quarantine
    limit: int


class Fold:
    """The steps of one partition, from `position` on; not safe for threads: one step at a time."""

    def __init__(
        self,
        stage: Stage,
        source: Input,
        partition: int,
        routes: Routes,
        *,
        position: int,
        marks: Mapping[OriginKey, Heard],
        snapshot: Snapshot | None,
    ) -> None:
        topic = source.topic
        self.position = position
        self._state = stage.open(topic, partition, snapshot)
        listeners = stage.listeners(topic, partition)
        key = OriginKey(stage.name, topic, partition)
        quarantine: Place = (routes.quarantine, partition % routes.partitions)
        self._outbox = Outbox(key, listeners, routes.schemas, quarantine, routes.limit, source.stream)
        self._intake: RawIntake | LogIntake = RawIntake()
        if source.schema is not None:
            known = stage.origins(topic, partition)
            self._intake = LogIntake(stage.name, topic, source.schema, known, marks)
            if snapshot is None:
                self._remind(source.schema)

    @property
    def marks(self) -> Mapping[OriginKey, Heard]:
        """How far this reader has come in each origin."""
        return self._intake.marks

    def step(self, records: Sequence[Consumed], following: int, *, at_end: bool) -> Output:
        """Take the run of records that ends before the offset `following` (design §5.1, steps 2 to 5 of the worker).

        With no records and `following` at the position, only progress can come of it.
        """
        admitted = self._intake.admit(records)
        effects = self._state.step(admitted.items, at_end=at_end)
        first, end = Position(self.position), Position(following)
        sends, rejected = self._outbox.pack(effects, admitted.refused, records, first, end, admitted.traceparent)
        self.position = following
        return Output(sends, rejected, admitted.replayed, effects.counts)

    def refresh(self) -> bool:
        """Whether the state has taken up something from outside, and must be saved before the next step."""
        return self._state.refresh()

    def snapshot(self) -> Snapshot | None:
        """The state at the position, None for a stage that keeps none."""
        return self._state.snapshot()

    def _remind(self, schema: pa.Schema) -> None:
        """Tell a state without a snapshot what its origins said last: they do not say `current` twice."""
        nothing = schema.empty_table()
        heard = [
            Arrival(self.position, 0, key, heard.progress, nothing) for key, heard in sorted(self._intake.marks.items())
        ]
        if heard:
            self._state.step(heard, at_end=False)
