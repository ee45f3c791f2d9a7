"""The suite's own stages and lake in memory, with random cuts and crashes, as evidence for the judge; no Kafka.

A crash takes a partition back to what it had committed last: what came after is written again, and readers must tell.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import pyarrow as pa
from headrace.contract.load import load_pipeline
from headrace.contract.plan import Plan, make_plan
from headrace.contract.quarantine import QUARANTINE_SCHEMA
from headrace.contract.topic_list import plan_topics
from headrace.lake.tables import Table, lake_tables
from headrace.models.session import Model, build
from headrace.runtime.fold import Fold, Routes
from headrace.runtime.marks import Heard
from headrace.runtime.outbox import Send
from headrace.runtime.snapshots import Saved, Snapshots
from headrace.runtime.stage import Input, Stage
from headrace.store.memory import MemoryStore
from headrace.wire.origin import OriginKey
from headrace_cleaning.stage import CleaningStage
from headrace_feature_engineering.stage import FeatureStage
from headrace_inference.current import CurrentModels
from headrace_inference.stage import InferenceStage
from headrace_ingestion.stage import IngestionStage
from headrace_lake.topic_lane import TopicLane

from rig.campaign.model import onnx_of
from rig.judgement.content import Record
from rig.judgement.evidence import Evidence, Place, Sample
from rig.judgement.facts import Facts
from rig.judgement.store_reader import table_of
from rig.oracle.ledger import Ledger
from rig.oracle.payload import event
from rig.oracle.producer import ID_HEADER

_NOW_MS = 1_735_689_600_000  # 2025-01-01: after the events
_LIMIT = 4 << 20


class _OneModel(CurrentModels):
    """The one version there is, always in force."""

    def __init__(self, plan: Plan, onnx: bytes) -> None:
        super().__init__(plan, MemoryStore(), 1)
        self._model = build("late_delivery", 1, plan.model_inputs("late_delivery"), onnx)

    def get(self, prediction: str) -> Model:
        return self._model

    def load(self, prediction: str, number: int) -> Model:
        return self._model


@dataclass(slots=True)
class _Part:
    """One input partition of a stage: its fold, and what it would begin with after a crash."""

    stage: Stage
    source: Input
    number: int
    fold: Fold
    saved: Saved | None = None
    committed: int = 0


class World:
    """A pipeline that has taken in the records of `ids` ids; `crashes` times a partition went back to its commit."""

    def __init__(self, text: str, facts: Facts, *, seed: int, ids: int, crashes: int) -> None:
        self._plan = make_plan(load_pipeline(text, "pipeline.yaml"))
        self._facts = facts
        self._dice = random.Random(seed)
        self._store = MemoryStore()
        self._onnx = onnx_of(len(self._plan.model_inputs("late_delivery")), seed)
        self._width = plan_topics(self._plan)
        self._topics: dict[str, list[list[Record]]] = {name: [[] for _ in range(n)] for name, n in self._width.items()}
        self._ledger = Ledger(seed=seed)
        self._ids = {topic: f"{place:032x}" for place, topic in enumerate(self._topics)}
        self._samples: list[Sample] = []
        self._marks: dict[int, Mapping[OriginKey, Heard]] = {}
        self.crashes = Counter[str]()
        self._schemas = self._output_schemas()
        self._lanes = self._open_lanes()
        self._parts = [
            self._open(stage, source, number)
            for stage in self._stages()
            for source in stage.inputs()
            for number in range(self._width[source.topic])
        ]
        self._produce(seed, ids)
        self._work(crashes)

    def evidence(self) -> Evidence:
        """What a judge would find."""
        now = datetime.now(UTC)
        root = f"lake/{self._facts.tenant}/{self._facts.name}/"
        keys = [(entry.key, now) for entry in self._store.list(root)]
        names = {"/".join(key.removeprefix(root).split("/")[:2]) for key, _ in keys}
        tables = {}
        for name in sorted(names):
            home = f"{root}{name}/"
            there = {key.removeprefix(home) for key, _ in keys if key.startswith(home) and key.endswith(".parquet")}
            tables[name] = table_of(name, home, keys, lambda key: self._store.get(key).body, frozenset(there))
        return Evidence(
            ledger=self._ledger,
            topics=self._topics,
            ends=self._ends(),
            committed=self._committed(),
            samples=self._samples,
            tables=tables,
            snapshots={(p.stage.name, p.source.topic, p.number): p.committed for p in self._parts if p.saved},
            models={("late_delivery", 1): self._onnx},
            topic_ids=self._ids,
            gathered=now,
        )

    def _produce(self, seed: int, ids: int) -> None:
        self._ledger.first, self._ledger.issued = 0, ids
        for id_ in range(ids):
            record = event(seed, id_)
            place = self._topics[self._facts.topic("raw", record.stream)][record.partition]
            headers = ((ID_HEADER, str(id_).encode()),)
            self._ledger.acknowledged[id_] = (record.partition, len(place))
            place.append(Record(record.partition, len(place), _NOW_MS, record.value, headers))

    def _work(self, crashes: int) -> None:
        """Everybody takes some of what waits, in random turns, until nobody has anything to do or to say."""
        quiet = 0
        while quiet < 3 * len(self._parts):
            part = self._dice.choice(self._parts)
            quiet = 0 if self._turn(part) else quiet + 1
            if self._dice.random() < 0.2:
                self._commit(part)
            if self._dice.random() < 0.02:
                self._fill_lake()
                self._samples.append(Sample(time.time(), self._committed(), self._ends()))
            if self._crashed() < crashes and self._dice.random() < 0.1:
                self._crash(part)
        for part in self._parts:
            self._commit(part)
        while any(position < self._ends()[place] for place, position in self._committed()["lake"].items()):
            self._fill_lake()

    def _turn(self, part: _Part) -> bool:
        """One step; False when it had nothing to read and nothing to say."""
        waiting = self._topics[part.source.topic][part.number][part.fold.position :]
        records = waiting[: self._dice.choice((1, 7, 50, 1000))]
        at_end = len(records) == len(waiting) and (part.source.schema is not None or not records)
        part.fold.refresh()
        output = part.fold.step(records, part.fold.position + len(records), at_end=at_end)
        self._append(output.sends)
        return bool(records or output.sends)

    def _append(self, sends: Sequence[Send]) -> None:
        for send in sends:
            topic, number = send.place
            records = self._topics[topic][number]
            headers = tuple(send.message.headers.encode())
            records.append(Record(number, len(records), _NOW_MS, send.message.value, headers))

    def _commit(self, part: _Part) -> None:
        state = part.fold.snapshot()
        part.committed = part.fold.position
        part.saved = None if state is None else Saved(part.fold.position, dict(part.fold.marks), state)
        if part.saved is not None:
            topic = part.source.topic
            Snapshots(self._store, part.stage.name, topic, self._ids[topic], part.number).save(part.saved)
        self._marks[id(part)] = dict(part.fold.marks)

    def _crash(self, part: _Part) -> None:
        """Back to the last commit: the state of the snapshot, or the marks beside the offset."""
        self.crashes[part.stage.name] += part.fold.position > part.committed
        part.fold = Fold(
            part.stage,
            part.source,
            part.number,
            self._routes(),
            position=part.committed,
            marks=self._marks.get(id(part), {}),
            snapshot=None if part.saved is None else part.saved.state,
        )

    def _crashed(self) -> int:
        return self.crashes.total()

    def _open(self, stage: Stage, source: Input, number: int) -> _Part:
        fold = Fold(stage, source, number, self._routes(), position=0, marks={}, snapshot=None)
        return _Part(stage, source, number, fold)

    def _stages(self) -> list[Stage]:
        models = _OneModel(self._plan, self._onnx)
        return [
            IngestionStage(self._plan),
            CleaningStage(self._plan, self._width),
            FeatureStage(self._plan, self._width),
            InferenceStage(self._plan, models),
        ]

    def _routes(self) -> Routes:
        quarantine = self._plan.topics.quarantine
        return Routes(self._schemas, quarantine, self._width[quarantine], _LIMIT)

    def _output_schemas(self) -> dict[str, pa.Schema]:
        plan, names = self._plan, self._plan.topics
        return {
            **{names.ingested(stream): plan.ingested_schema(stream) for stream in plan.pipeline.streams},
            **{names.clean(stream): plan.cleaned_schema(stream) for stream in plan.pipeline.streams},
            **{log.topic: log.schema for log in plan.logs},
            **{names.features(name): plan.features_schema(name) for name in plan.pipeline.predictions},
            **{names.predictions(name): plan.predictions_schema(name) for name in plan.pipeline.predictions},
            names.quarantine: QUARANTINE_SCHEMA,
        }

    def _open_lanes(self) -> dict[str, TopicLane]:
        by_topic: dict[str, list[Table]] = {}
        for table in lake_tables(self._plan):
            by_topic.setdefault(table.topic, []).append(table)
        quarantine = self._plan.topics.quarantine
        place = (quarantine, self._width[quarantine])
        lanes = {t: TopicLane(self._store, tables, self._ids[t], place, _LIMIT) for t, tables in by_topic.items()}
        for topic, lane in lanes.items():
            lane.open(range(self._width[topic]))
        return lanes

    def _fill_lake(self) -> None:
        """Take what has come and write it; now and then the writer ends before that, and begins where tables say."""
        for topic, lane in self._lanes.items():
            for number, position in lane.positions.items():
                if records := self._topics[topic][number][position:]:
                    lane.take(number, records)
            if self._dice.random() < 0.1:
                lane.open(range(self._width[topic]))
            lane.flush()

    def _ends(self) -> dict[Place, int]:
        return {
            (topic, number): len(records)
            for topic, partitions in self._topics.items()
            for number, records in enumerate(partitions)
        }

    def _committed(self) -> dict[str, dict[Place, int]]:
        committed: dict[str, dict[Place, int]] = {"lake": {}}
        for part in self._parts:
            committed.setdefault(part.stage.name, {})[part.source.topic, part.number] = part.committed
        for topic, lane in self._lanes.items():
            committed["lake"] |= {(topic, number): position for number, position in lane.positions.items()}
        return committed
