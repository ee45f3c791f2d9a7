"""Where a service can be broken: each point is a function of the suite, before or after it does its work."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

STAGES = ("ingestion", "cleaning", "feature_engineering", "inference")
SERVICES = (*STAGES, "lake")
_LOGS = STAGES[1:]  # what reads internal topics
_STATEFUL = ("cleaning", "feature_engineering", "inference")

Counts = Callable[[tuple[Any, ...]], bool]  # Any: the arguments of whatever function it is
"""Whether a call counts as passing the point, by its arguments (the object itself first)."""


def _always(_: tuple[Any, ...]) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Hook:
    """A point in some services: `owner` is `module:Class`, `name` its function."""

    point: str
    services: tuple[str, ...]
    owner: str
    name: str
    when: Literal["before", "after"]
    counts: Counts = _always


def _has_sends(args: tuple[Any, ...]) -> bool:
    return bool(args[1])


def _has_workers(args: tuple[Any, ...]) -> bool:
    return bool(args[0]._workers)


def _hands_over(args: tuple[Any, ...]) -> bool:
    return args[0]._draining or not args[0]._ready


def _has_files(args: tuple[Any, ...]) -> bool:
    return bool(args[1].adds)


def _opens_any(args: tuple[Any, ...]) -> bool:
    return bool(args[1])


_CONSUMER = "aiokafka:AIOKafkaConsumer"  # its commit is what Group and LakeReader both pass through
_GROUP = "headrace.runtime.group:Group"
_LAKE = "headrace_lake.reader:LakeReader"
_TOPIC_LANE = "headrace_lake.topic_lane:TopicLane"
_SNAPSHOTS = "headrace.runtime.snapshots:Snapshots"
_DELTA = "headrace.lake.delta_log:DeltaLog"

HOOKS: tuple[Hook, ...] = (
    Hook("after_poll", STAGES, "headrace.runtime.inbox:Inbox", "put", "before"),
    Hook("after_poll", ("lake",), _LAKE, "_take", "before"),
    Hook("after_gate", ("ingestion",), "headrace.runtime.intake:RawIntake", "admit", "after"),
    Hook("after_gate", (*_LOGS, "lake"), "headrace.runtime.intake:LogIntake", "admit", "after"),
    Hook("after_stage", STAGES, "headrace.runtime.fold:Fold", "step", "after"),
    Hook("after_stage", ("lake",), _TOPIC_LANE, "take", "after"),
    # The lake sends only when a message of an internal topic is no message at all, which no service writes.
    Hook("before_send", STAGES, "headrace.runtime.lane:Lane", "_hand_over", "before"),
    Hook("after_acks", STAGES, "headrace.runtime.lane:Lane", "send", "after", _has_sends),
    Hook("before_commit", SERVICES, _CONSUMER, "commit", "before"),
    Hook("after_commit", SERVICES, _CONSUMER, "commit", "after"),
    Hook("before_snapshot", _STATEFUL, _SNAPSHOTS, "save", "before"),
    Hook("after_snapshot", _STATEFUL, _SNAPSHOTS, "save", "after"),
    Hook("between_files_and_commit", ("lake",), _DELTA, "commit", "before", _has_files),
    Hook("after_delta_commit", ("lake",), _DELTA, "commit", "after", _has_files),
    Hook("in_revoke", STAGES, _GROUP, "_release", "before", _has_workers),
    Hook("in_revoke", ("lake",), _LAKE, "_flush", "before", _hands_over),
    Hook("in_assign", STAGES, _GROUP, "_read_committed", "after"),
    Hook("in_assign", ("lake",), _TOPIC_LANE, "open", "after", _opens_any),
)

Cell = tuple[str, str]
"""A point and a service."""

CELLS: tuple[Cell, ...] = tuple(dict.fromkeys((hook.point, service) for hook in HOOKS for service in hook.services))
"""The grid: every point of every service that has it."""
