"""What a seed is about: which services run, what they are fed, and how the outcome is judged."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa
from headrace.contract.pipeline import QuarantineLimit
from headrace.contract.quarantine import QUARANTINE_SCHEMA
from headrace.lake.tables import lake_tables
from headrace.runtime.fold import Routes
from headrace.runtime.group import Group
from headrace.runtime.lane import Shared
from headrace.runtime.limit import RejectionLimit
from headrace.runtime.service import Context, Wiring
from headrace.runtime.stage import Stage
from headrace.runtime.topic_ids import Topic
from headrace_cleaning.stage import CleaningStage
from headrace_feature_engineering.app import outputs as feature_outputs
from headrace_feature_engineering.stage import FeatureStage
from headrace_ingestion.stage import IngestionStage
from headrace_lake.reader import LakeReader
from headrace_lake.settings import LakeSettings

from sim import feed, verdict
from sim.feed import SCRIPTS, Script
from sim.pipelines import PLAN, RELAYED, Relay
from sim.verdict import Judge
from sim.world import Deployment, Node, World

TOPICS = PLAN.topics
LOGS = [log.topic for log in PLAN.logs]
QUARANTINE = TOPICS.quarantine


@dataclass(frozen=True, slots=True)
class Scenario:
    """A kind of simulation; its topics are those that exist, with their partitions."""

    name: str
    topics: Mapping[str, int]
    script: Callable[[int], Script]
    deploy: Callable[[Mapping[str, int]], Deployment]
    judge: Judge
    stores: bool  # whether the object store has a part in it


def _stage(stage: Stage, outputs: Mapping[str, pa.Schema], topics: Mapping[str, int]) -> Deployment:
    """A stage as a service, wired as `runtime.service` does it."""

    def build(node: Node) -> Group:
        shared = Shared(
            node.consumer,
            node.producer,
            node.settings,
            node.metrics,
            RejectionLimit(QuarantineLimit()),
            lambda _: None,
        )
        return Group(
            group=stage.name,
            stage=stage,
            topics={name: Topic(f"id-of-{name}", count) for name, count in topics.items()},
            routes=Routes(
                {**outputs, QUARANTINE: QUARANTINE_SCHEMA}, QUARANTINE, topics[QUARANTINE], node.settings.message_bytes
            ),
            shared=shared,
            admin=node.admin,
            store=node.store,
            die=node.die,
        )

    return Deployment(stage.name, build)


def _relay(topics: Mapping[str, int]) -> Deployment:
    stage = Relay("relay", "sim.in", "sim.out", ("before", "sim.before"), topics["sim.in"])
    return _stage(stage, {"sim.out": RELAYED}, topics)


def _ingestion(topics: Mapping[str, int]) -> Deployment:
    outputs = {TOPICS.ingested(stream): PLAN.ingested_schema(stream) for stream in PLAN.pipeline.streams}
    return _stage(IngestionStage(PLAN), outputs, topics)


def _cleaning(topics: Mapping[str, int]) -> Deployment:
    return _stage(CleaningStage(PLAN, topics), {LOGS[0]: PLAN.logs[0].schema}, topics)


def _features(topics: Mapping[str, int]) -> Deployment:
    return _stage(FeatureStage(PLAN, topics), feature_outputs(PLAN), topics)


def _lake(topics: Mapping[str, int]) -> Deployment:
    def build(node: Node) -> LakeReader:
        wiring = Wiring(
            context=Context(PLAN, topics, node.store, node.settings),
            group="lake",
            topics={name: Topic(f"id-of-{name}", count) for name, count in topics.items()},
            consumer=node.consumer,
            producer=node.producer,
            admin=node.admin,
            metrics=node.metrics,
            die=node.die,
        )
        settings = LakeSettings.model_construct(flush_seconds=0.6, flush_bytes=4000)
        return LakeReader(wiring, lake_tables(PLAN), settings)

    return Deployment("lake", build)


def _lake_script(number: int) -> Script:
    script = feed.ingested_input(number) if number % 2 else feed.log_input(number, 1)
    garbage = feed.Written(1.0, script[0].place, b"garbage", ())
    return tuple(sorted((*script, garbage), key=lambda each: each.at)) if number % 3 == 0 else script


RELAY = Scenario(
    "relay", {"sim.in": 2, "sim.out": 2, QUARANTINE: 1}, feed.relay_input, _relay, verdict.relay, stores=False
)
INGESTION = Scenario(
    "ingestion",
    {TOPICS.raw("orders"): 2, TOPICS.raw("visits"): 1, TOPICS.ingested("orders"): 2, TOPICS.ingested("visits"): 1}
    | {QUARANTINE: 2},
    feed.raw_input,
    _ingestion,
    verdict.ingestion,
    stores=False,
)
CLEANING = Scenario(
    "cleaning",
    {TOPICS.ingested("orders"): 2, TOPICS.ingested("visits"): 1, LOGS[0]: 2, QUARANTINE: 1},
    feed.ingested_input,
    _cleaning,
    verdict.cleaning,
    stores=True,
)
FEATURES = Scenario(
    "features",
    {TOPICS.ingested("orders"): 1, TOPICS.ingested("visits"): 1, LOGS[0]: 2, LOGS[1]: 2, TOPICS.features("big"): 2}
    | {QUARANTINE: 1},
    lambda number: feed.log_input(number, 2),
    _features,
    verdict.features,
    stores=True,
)
LAKE = Scenario(
    "lake",
    {TOPICS.ingested("orders"): 2, TOPICS.ingested("visits"): 1, LOGS[0]: 1, QUARANTINE: 1},
    _lake_script,
    _lake,
    verdict.lake,
    stores=True,
)

_KINDS: Sequence[Scenario] = (RELAY,) * 12 + (INGESTION,) * 3 + (CLEANING,) * 4 + (FEATURES,) * 1 + (LAKE,) * 4


def scenario_of(seed: int) -> Scenario:
    """What this seed is about: the cheap kinds come more often."""
    return _KINDS[seed % len(_KINDS)]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one seed came to."""

    seed: int
    scenario: str
    problems: list[str]
    story: list[str]
    moved: int

    def __str__(self) -> str:
        return "\n".join(
            [
                f"seed {self.seed} ({self.scenario}) failed; again: HEADRACE_SIM_FIRST={self.seed}"
                " HEADRACE_SIM_SEEDS=1 pytest tests/sim/test_simulation.py",
                *(f"  {problem}" for problem in self.problems[:10]),
                *self.story[-40:],
            ]
        )


def simulate(seed: int, scenario: Scenario | None = None) -> Outcome:
    """Run one seed and judge it."""
    kind = scenario or scenario_of(seed)
    world = World(seed, kind.topics, [kind.deploy(kind.topics)], threads=kind.stores)
    try:
        world.run(kind.script(seed // 7 % SCRIPTS))
    except AssertionError as error:
        problems = [f"{type(error).__name__}: {error}"]
    else:
        try:
            problems = kind.judge(verdict.Evidence.of(world))
        except AssertionError as error:
            problems = [f"the judge: {error}"]
    return Outcome(seed, kind.name, [*world.faults, *problems], world.story, world.loop.moved)
