"""The verdict on a world: its logs, commits, snapshots and tables for the judges, which know nothing of the suite."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sim.judge_features import LogSpec, View, featured
from sim.judge_hop import Committed, Outputs, Place, Wanted, check_commits, check_hop, check_never_back, check_told
from sim.judge_lake import Get, check_table
from sim.judge_log import Record
from sim.judge_stages import QUARANTINE, cleaned, ingested, relayed

_SNAPSHOT = re.compile(r"snapshots/[^/]+/([^/]+)/[^/]+/(\d+)/(\d{20})\.arrow")

ORDERS, VISITS = "default.sim.ingested.orders", "default.sim.ingested.visits"
BY_SHOP, BY_TOWN, BIG = "default.sim.by.shop", "default.sim.by.town", "default.sim.features.big"
RAW = {"orders": "default.sim.raw.orders", "visits": "default.sim.raw.visits"}
BAD = 7

_SHOP = LogSpec(
    View("by_shop", "orders", "shop", "amount", ("count", "sum", "max"), (("30s", 30),)),
    (f"cleaning {ORDERS} 0", f"cleaning {VISITS} 0"),
    BY_TOWN,
    None,
)
_TOWN = LogSpec(
    View("by_town", "visits", "town", "people", ("count", "max"), (("20s", 20), ("1m", 60))),
    tuple(f"feature_engineering {BY_SHOP} {number}" for number in range(2)),
    None,
    BIG,
)


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is left of a world."""

    logs: Mapping[Place, Sequence[Record]]
    commits: Sequence[Committed]
    snapshots: Sequence[Committed]
    get: Get

    @classmethod
    def of(cls, world: Any) -> Evidence:
        """Collect it."""
        logs = {(place.topic, place.partition): log for place, log in world.broker.logs.items()}
        commits = [Committed(tuple(each.place), each.offset, each.moment, "a commit") for each in world.broker.commits]
        saved = [
            Committed((match[1], int(match[2])), int(match[3]), put.moment, "a snapshot")
            for put in world.store.puts
            if (match := _SNAPSHOT.fullmatch(put.key))
        ]
        objects = world.store.inner

        def get(key: str) -> bytes | None:
            body: bytes | None = next((objects.get(key).body for each in objects.list(key) if each.key == key), None)
            return body

        return cls(logs, commits, saved, get)

    def of_topics(self, *topics: str) -> dict[Place, Sequence[Record]]:
        """The logs of these topics."""
        return {place: log for place, log in self.logs.items() if place[0] in topics}


Judge = Callable[[Evidence], list[str]]


def relay(found: Evidence) -> list[str]:
    """One hop without state."""
    return _hop(
        found, "relay", ["sim.in"], ["sim.out"], lambda inputs, place: relayed("sim.out", inputs.taken[place], BAD)
    )


def ingestion(found: Evidence) -> list[str]:
    """Raw records."""
    outputs = Outputs(found.of_topics(ORDERS, VISITS, QUARANTINE))
    problems = check_never_back(found.commits)
    for stream, target in (("orders", ORDERS), ("visits", VISITS)):
        for place, log in found.of_topics(RAW[stream]).items():
            wanted = list(ingested(stream, place[1], log))
            problems += check_hop("ingestion", place, wanted, outputs)
            problems += check_told("ingestion", [place], [(target, place[1])], outputs)
    return problems + check_commits("ingestion", found.commits, outputs)


def cleaning(found: Evidence) -> list[str]:
    """Rows through the clean steps, with and without state."""

    def wanted(inputs: Outputs, place: Place) -> Iterator[Wanted]:
        return cleaned("orders" if place[0] == ORDERS else "visits", inputs.taken[place])

    return _hop(found, "cleaning", [ORDERS, VISITS], [BY_SHOP], wanted)


def features(found: Evidence) -> list[str]:
    """Both logs: features are equal to those of an undisturbed run over the log as it stands."""
    problems = _hop(
        found, "feature_engineering", [BY_SHOP], [BY_TOWN], lambda inputs, place: featured(_SHOP, inputs.taken[place])
    )
    outputs = Outputs(found.of_topics(BY_TOWN, BIG))
    for place in found.of_topics(BY_TOWN):
        problems += check_hop("feature_engineering", place, list(featured(_TOWN, outputs.taken[place])), outputs)
        problems += check_told("feature_engineering", [place], [(BIG, place[1])], outputs)
    return problems


def lake(found: Evidence) -> list[str]:
    """Every row of a topic once in its tables."""
    problems = []
    for topic, name, stream in (
        (ORDERS, "ingested/orders", None),
        (VISITS, "ingested/visits", None),
        (BY_SHOP, "cleaned/orders", "orders"),
        (BY_SHOP, "cleaned/visits", "visits"),
    ):
        logs = {place[1]: log for place, log in found.of_topics(topic).items()}
        problems += check_table(found.get, f"lake/default/sim/{name}", stream, f"lake/id-of-{topic}", logs)
    outputs = Outputs(found.of_topics(ORDERS, VISITS, BY_SHOP, QUARANTINE))
    for place in found.of_topics(ORDERS, VISITS, BY_SHOP):
        refused = [
            Wanted(message.offset, QUARANTINE, {"topic_offset": message.offset, "_offset": None})
            for message in outputs.taken[place]
            if not message.origin
        ]
        problems += check_hop("lake", place, refused, outputs)
    return problems


def _hop(
    found: Evidence,
    stage: str,
    sources: Sequence[str],
    targets: Sequence[str],
    wanted: Callable[[Outputs, Place], Iterator[Wanted]],
) -> list[str]:
    inputs = Outputs(found.of_topics(*sources))
    outputs = Outputs(found.of_topics(*targets, QUARANTINE))
    problems = check_never_back(found.commits)
    for place in inputs.taken:
        problems += check_hop(stage, place, list(wanted(inputs, place)), outputs)
    problems += check_told(stage, list(inputs.taken), list(found.of_topics(*targets)), outputs)
    return problems + check_commits(stage, [*found.commits, *found.snapshots], outputs)
