"""What the stories of the runtime are told with: messages of one number a row, and a stage that passes them on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
from headrace.contract.errors import SnapshotError
from headrace.contract.identity import IDENTITY
from headrace.contract.quarantine import QUARANTINE_SCHEMA
from headrace.runtime.fold import Routes
from headrace.runtime.settings import Settings
from headrace.runtime.stage import Arrival, Effects, Input, Item, Output, Record, Snapshot, State
from headrace.wire.headers import Progress
from headrace.wire.message import encode
from headrace.wire.origin import OriginKey, from_offsets
from headrace.wire.position import Position

T = TypeVar("T")

SCHEMA = pa.schema([pa.field("n", pa.int64(), nullable=False), pa.field("text", pa.string()), *IDENTITY])
WRITER = OriginKey("before", "there", 0)
OTHER = OriginKey("before", "there", 1)
BEHIND = Progress(5, behind=True)
CURRENT = Progress(5, behind=False)
ROUTES = Routes({"out": SCHEMA, "quarantine": QUARANTINE_SCHEMA}, "quarantine", 1, 100_000)


@dataclass(frozen=True)
class Read:
    """A record as the Kafka client hands it over."""

    offset: int
    value: bytes | None = b""
    headers: Sequence[tuple[str, bytes | None]] = ()
    timestamp: int = 7


def table(rows: Sequence[tuple[int, str]]) -> pa.Table:
    """Rows of n and text, all from raw record 0."""
    return pa.Table.from_pylist(
        [{"n": n, "text": text, "_partition": 0, "_offset": 0, "_row": n} for n, text in rows], schema=SCHEMA
    )


def message(
    offset: int, first: int, caused: Sequence[Sequence[int]], *, origin: OriginKey = WRITER, progress: Progress = BEHIND
) -> Read:
    """A message at `offset` whose origin's input offsets, from `first` on, caused these numbers."""
    numbers = [n for each in caused for n in each]
    causes = np.repeat(np.arange(first, first + len(caused), dtype=np.int64), [len(each) for each in caused])
    made = encode(
        table([(n, "") for n in numbers]),
        origin=from_offsets(origin, Position(first), Position(first + len(caused)), causes),
        progress=progress,
        time_column=None,
    )
    return Read(offset, made.value, tuple(made.headers.encode()))


class Passing:
    """A stage that passes rows on to partition n % 2 of `out`; 13 is rejected. `keeps`: with a state to be saved."""

    name = "passing"

    def __init__(self, *, raw: bool = False, keeps: bool = False, plan: str = "plan") -> None:
        self.raw = raw
        self.keeps = keeps
        self.plan = plan
        self.before_step: Callable[[], None] = lambda: None
        self.fresh = False  # whether there is something new outside
        self.states: list[PassingState] = []

    def inputs(self) -> Sequence[Input]:
        return [self.source]

    @property
    def source(self) -> Input:
        return Input("in", None if self.raw else SCHEMA)

    def origins(self, topic: str, partition: int) -> Sequence[OriginKey]:
        return [WRITER, OTHER]

    def listeners(self, topic: str, partition: int) -> Sequence[tuple[str, int]]:
        return [("out", 0), ("out", 1)]

    def open(self, topic: str, partition: int, snapshot: Snapshot | None) -> PassingState:
        if snapshot is not None and snapshot["plan"]["name"][0].as_py() != self.plan:
            raise SnapshotError("of another plan")
        self.states.append(PassingState(self, snapshot))
        return self.states[-1]


class PassingState(State):
    """It counts the rows it has seen and remembers what it was last told."""

    def __init__(self, stage: Passing, snapshot: Snapshot | None) -> None:
        self._stage = stage
        self.seen = 0 if snapshot is None else snapshot["plan"]["seen"][0].as_py()
        self.told: list[tuple[list[Item], bool]] = []
        self.behind = True

    def step(self, items: Sequence[Item], *, at_end: bool) -> Effects:
        self._stage.before_step()
        self.told.append((list(items), at_end))
        numbers: list[int] = []
        offsets: list[int] = []
        for item in items:
            found = [int(item.value or b"0")] if isinstance(item, Record) else item.rows["n"].to_pylist()
            numbers += found
            offsets += [item.offset] * len(found)
            if isinstance(item, Arrival):
                self.behind = item.progress.behind
        self.seen += len(numbers)
        outputs = []
        for place in (0, 1):
            here = [row for row, n in enumerate(numbers) if n % 2 == place and n != 13]
            rows = table([(numbers[row], "") for row in here])
            outputs.append(Output("out", place, rows, np.array([offsets[row] for row in here], np.int64), ""))
        bad = [offset for n, offset in zip(numbers, offsets, strict=True) if n == 13]
        return Effects(
            outputs, _rejected(bad), Progress(5, behind=not at_end or self.behind), Counter(kept=len(numbers))
        )

    def snapshot(self) -> Snapshot | None:
        return {"plan": pa.table({"name": [self._stage.plan], "seen": [self.seen]})} if self._stage.keeps else None

    def refresh(self) -> bool:
        fresh, self._stage.fresh = self._stage.fresh, False
        return fresh


def _rejected(offsets: Sequence[int]) -> pa.Table:
    rows = [
        {
            "stage": "passing",
            "topic": "in",
            "topic_offset": offset,
            "reason": "requirement",
            "detail": "",
            "raw": b"",
            "time": 0,
        }
        for offset in offsets
    ]
    return pa.Table.from_pylist(rows, schema=QUARANTINE_SCHEMA)


class Inline(Executor):
    """Threads without threads: what is submitted has been done."""

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        done: Future[T] = Future()
        try:
            done.set_result(fn(*args, **kwargs))
        except BaseException as error:  # noqa: BLE001  whoever awaits it gets it
            done.set_exception(error)
        return done


def settings(**values: Any) -> Settings:
    """Settings for one story: nothing waits for a clock unless the story says so."""
    calm: dict[str, Any] = {"batch_seconds": 0.0, "patience_seconds": 0.0, "snapshot_seconds": 3600.0}
    return Settings.model_construct(None, **(calm | values))
