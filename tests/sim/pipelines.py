"""The tiny pipeline that is simulated, and a stage of the simulation's own: rows to the partition that `n` names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from headrace.contract.identity import IDENTITY, OFFSET, PARTITION, ROW
from headrace.contract.load import load_pipeline
from headrace.contract.plan import make_plan
from headrace.contract.quarantine import QUARANTINE_SCHEMA
from headrace.runtime.stage import Arrival, Effects, Input, Item, Output, Snapshot, State
from headrace.wire.headers import Progress
from headrace.wire.origin import OriginKey

_FILE = """
headrace: 1
name: sim
streams:
  orders:
    format: json
    event_time: at
    columns: {id: string, at: timestamp, shop: string, town: string, amount: float64}
    clean:
      - drop_duplicates: {by: [id], within: 1h}
      - filter: "amount <> 13"
      - require: {name: paid, that: "amount > 0"}
  visits:
    format: json
    event_time: at
    columns: {at: timestamp, town: string, people: float64}
features:
  by_shop: {from: orders, key: [shop], hop: 10s, windows: [30s], values: {amount: [count, sum, max]}}
  by_town: {from: visits, key: [town], hop: 10s, windows: [20s, 1m], values: {people: [count, max]}}
predictions:
  big: {on: orders, key: id, inputs: [amount], features: [by_shop, by_town], model: big}
lake: [ingested, cleaned]
"""

PLAN = make_plan(load_pipeline(_FILE, "sim.yaml"))

RELAYED = pa.schema(
    [pa.field("n", pa.int64(), nullable=False), pa.field("text", pa.string(), nullable=False), *IDENTITY]
)
"""Rows of the relay: `n` says what becomes of one, `text` makes it large enough for a message to be split."""

BAD = 7
"""A row with this `n` is rejected."""


class Relay:
    """A stage without state worth keeping: every row goes to partition n % width of the next topic."""

    def __init__(self, name: str, source: str, target: str, writer: tuple[str, str], width: int) -> None:
        self.name = name
        self._source = source
        self._target = target
        self._writer = writer  # the stage and the topic that its input is made from
        self._width = width

    def inputs(self) -> Sequence[Input]:
        return [Input(self._source, RELAYED)]

    def origins(self, topic: str, partition: int) -> Sequence[OriginKey]:
        stage, written_from = self._writer
        return [OriginKey(stage, written_from, number) for number in range(self._width)]

    def listeners(self, topic: str, partition: int) -> Sequence[tuple[str, int]]:
        return [(self._target, number) for number in range(self._width)]

    def open(self, topic: str, partition: int, snapshot: Snapshot | None) -> RelayState:
        return RelayState(self.name, topic, self._target, self._width)


class RelayState(State):
    """It remembers what its origins said last, and a restart may forget that."""

    def __init__(self, stage: str, topic: str, target: str, width: int) -> None:
        self._stage = stage
        self._topic = topic
        self._target = target
        self._width = width
        self._behind: dict[str, bool] = {}

    def step(self, items: Sequence[Item], *, at_end: bool) -> Effects:
        arrivals = [item for item in items if isinstance(item, Arrival)]
        for arrival in arrivals:
            self._behind[str(arrival.origin)] = arrival.progress.behind
        rows = pa.concat_tables([RELAYED.empty_table(), *(arrival.rows for arrival in arrivals)])
        offsets = np.repeat(
            np.array([arrival.offset for arrival in arrivals], np.int64),
            [arrival.rows.num_rows for arrival in arrivals],
        )
        numbers = rows["n"].to_numpy()
        outputs = []
        for place in range(self._width):
            here = np.flatnonzero((numbers != BAD) & (numbers % self._width == place))
            if len(here):
                outputs.append(Output(self._target, place, rows.take(here), offsets[here], ""))
        behind = not at_end or any(self._behind.values())
        rejected = self._rejected(rows, offsets, np.flatnonzero(numbers == BAD).tolist())
        return Effects(outputs, rejected, Progress(None, behind), Counter())

    def snapshot(self) -> Snapshot | None:
        return None

    def _rejected(
        self, rows: pa.Table, offsets: np.ndarray[tuple[int], np.dtype[np.int64]], bad: list[int]
    ) -> pa.Table | None:
        if not bad:
            return None
        found = rows.take(bad).to_pylist()
        return pa.Table.from_pylist(
            [
                {
                    "stage": self._stage,
                    "topic": self._topic,
                    "topic_offset": int(offsets[place]),
                    "reason": "requirement",
                    "detail": "bad",
                    "raw": b"",
                    "time": 0,
                    PARTITION: row[PARTITION],
                    OFFSET: row[OFFSET],
                    ROW: row[ROW],
                }
                for place, row in zip(bad, found, strict=True)
            ],
            schema=QUARANTINE_SCHEMA,
        )
