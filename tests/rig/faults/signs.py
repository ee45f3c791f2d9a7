"""Signs that a run was hard, and that nothing ended for a reason of its own."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from signal import SIGTERM
from typing import Any

from headrace.runtime.exits import Exit

from rig.failpoints.events import read_events
from rig.failpoints.spec import KILLED
from rig.faults.hand_overs import Told, pauses, told
from rig.faults.instance import Instance, Life

# Ends that faults of broker, store and owners bring about; everything else is a fault of the suite's.
_EXPECTED = {0, -9, KILLED, Exit.BROKER, Exit.SEND, Exit.STUCK, Exit.STORE, Exit.DRAIN, Exit.FENCED}
_AFTER_RAISE = {1, int(Exit.FAULT), *_EXPECTED}
_OUT_OF_MEMORY = {1, -6, -11, int(Exit.FAULT), int(Exit.STATE), *_EXPECTED}


@dataclass(slots=True)
class Signs:
    """Everything that the instances told of themselves."""

    in_flight: int = 0  # kills with a turn in progress
    replayed_rows: int = 0
    replays: int = 0
    trimmed: int = 0
    restored: int = 0
    revoked_under_load: int = 0
    pauses: list[float] = field(default_factory=list)  # seconds, of partitions that went from owner to owner
    statuses: dict[str, Counter[int]] = field(default_factory=dict)
    surprises: list[str] = field(default_factory=list)


def read_signs(instances: Iterable[Instance], memory_hit: set[str]) -> Signs:
    """Read every instance's events and lives; `memory_hit` are services of which a process was short of memory."""
    signs = Signs()
    stories: dict[str, list[Told]] = defaultdict(list)
    crashes: dict[str, list[float]] = defaultdict(list)
    for instance in instances:
        events, _ = read_events(instance.events)
        _count(events, signs)
        stories[instance.service] += told(instance.name, events)
        crashes[instance.service] += [life.ended for life in instance.lives if life.ended is not None and life.status]
        raised = {event["pid"] for event in events if event["what"] == "hit" and event["mode"] == "raise"}
        for life in instance.lives:
            if life.status is None:
                continue
            signs.statuses.setdefault(instance.service, Counter())[life.status] += 1
            signs.in_flight += life.in_turn and life.status in (-9, KILLED)
            _judge_end(instance, life, raised, instance.service in memory_hit, signs)
    signs.pauses = [pause for service, story in stories.items() for pause in pauses(story, crashes[service])]
    return signs


def _count(events: Sequence[Mapping[str, Any]], signs: Signs) -> None:
    for event in events:
        match event["what"]:
            case "replayed":
                signs.replays += 1
                signs.replayed_rows += event["rows"]
            case "trimmed":
                signs.trimmed += 1
            case "restored":
                signs.restored += 1
            case "revoked":
                signs.revoked_under_load += bool(event["busy"])


def _judge_end(instance: Instance, life: Life, raised: set[int], short: bool, signs: Signs) -> None:
    if life.overdue:
        signs.surprises.append(f"{instance.name} (process {life.pid}) did not end when it was told to")
    allowed = _AFTER_RAISE if life.pid in raised else _OUT_OF_MEMORY if short else _EXPECTED
    early = life.status == -SIGTERM and life.told_to_end is not None  # before it had a handler for it
    if life.status not in allowed and not early:
        signs.surprises.append(f"{instance.name} (process {life.pid}) ended by itself with status {life.status}")


@dataclass(frozen=True, slots=True)
class Sharpness:
    """One thing that a run must have seen, and how often it did."""

    name: str
    count: int


def sharpness(signs: Signs, zombies: int, unknown: int, quarantined: int) -> list[Sharpness]:
    """The list; a run in which one of them is 0 is dull."""
    return [
        Sharpness("kills with work in flight", signs.in_flight),
        Sharpness("replays dropped by marks", signs.replays),
        Sharpness("straddling replays trimmed", signs.trimmed),
        Sharpness("zombies woken", zombies),
        Sharpness("rebalances under load", signs.revoked_under_load),
        Sharpness("store: unknown but succeeded", unknown),
        Sharpness("snapshots restored", signs.restored),
        Sharpness("rows in quarantine", quarantined),
    ]
