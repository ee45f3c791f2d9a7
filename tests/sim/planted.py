"""Bugs to be found: each breaks one rule of the protocol, and a simulation that cannot see that is worth nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, suppress
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

import pyarrow as pa
from aiokafka import TopicPartition
from aiokafka.structs import OffsetAndMetadata
from headrace.contract.errors import SendUnknown
from headrace.features.order import EventOrder
from headrace.lake.actions import Landed
from headrace.lake.delta_log import Commit
from headrace.runtime.lane import Lane
from headrace.runtime.outbox import Send
from headrace.runtime.snapshots import Saved

from sim import scenarios
from sim.broker import CommitMade, Coordinator
from sim.scenarios import Scenario


@dataclass(frozen=True, slots=True)
class Bug:
    """What is wrong, where it must show, and how it gets in."""

    name: str
    scenario: Scenario
    plant: Callable[[], AbstractContextManager[object]]


async def _send_without_waiting(lane: Any, sends: list[Send]) -> None:
    for send in sends:
        await lane._hand_over(send)


_send = Lane.send


async def _send_or_skip(lane: Lane, sends: list[Send]) -> None:
    with suppress(SendUnknown):
        await _send(lane, sends)


def _commit_unfenced(
    group: Any, member: str, generation: int, offsets: Mapping[TopicPartition, OffsetAndMetadata]
) -> None:
    for place, said in offsets.items():
        group._broker.moment += 1
        group.offsets[place] = said
        group._broker.commits.append(CommitMade(group._name, place, said.offset, said.metadata, group._broker.moment))


_snapshot = EventOrder.snapshot


def _snapshot_without_waiting_rows(order: EventOrder) -> tuple[dict[str, object], pa.Table]:
    scalars, waiting = _snapshot(order)
    return scalars, waiting.slice(0, 0)


def _nothing_checked() -> AbstractContextManager[object]:
    stack = ExitStack()
    for check in ("_check_expected", "_check_winner"):
        stack.enter_context(patch(f"headrace.lake.delta_log.{check}", lambda *_: None))
    return stack


def _patch(what: str, by: object) -> Callable[[], AbstractContextManager[object]]:
    return lambda: patch(what, by)


BUGS: Sequence[Bug] = (
    Bug(
        "acknowledgements are not waited for",
        scenarios.RELAY,
        lambda: patch.object(Lane, "send", _send_without_waiting),
    ),
    Bug(
        "acknowledgements are not waited for before a snapshot",
        scenarios.CLEANING,
        lambda: patch.object(Lane, "send", _send_without_waiting),
    ),
    Bug("a send that failed is skipped", scenarios.RELAY, lambda: patch.object(Lane, "send", _send_or_skip)),
    Bug("marks are forgotten at a restart", scenarios.RELAY, _patch("headrace.runtime.marks.decode", lambda *_: {})),
    Bug("repetitions are let in", scenarios.RELAY, _patch("headrace.runtime.intake.is_replay", lambda *_: False)),
    Bug(
        "straddling messages are not trimmed",
        scenarios.RELAY,
        _patch("headrace.runtime.intake.drop_seen", lambda *_: 0),
    ),
    Bug("commits are not fenced", scenarios.RELAY, lambda: patch.object(Coordinator, "commit", _commit_unfenced)),
    Bug(
        "nobody is told that nothing more waits",
        scenarios.RELAY,
        _patch("headrace.runtime.outbox.Outbox._has_news", lambda *_: False),
    ),
    Bug(
        "a snapshot claims one offset more",
        scenarios.CLEANING,
        _patch("headrace.runtime.worker.Saved", lambda offset, marks, state: Saved(offset + 1, marks, state)),
    ),
    Bug(
        "a snapshot has no marks",
        scenarios.CLEANING,
        _patch("headrace.runtime.worker.Saved", lambda offset, marks, state: Saved(offset, {}, state)),
    ),
    Bug(
        "rows that wait are not in the snapshot",
        scenarios.FEATURES,
        lambda: patch.object(EventOrder, "snapshot", _snapshot_without_waiting_rows),
    ),
    Bug("the lake takes anybody's place", scenarios.LAKE, _nothing_checked),
    Bug(
        "the lake takes an unknown outcome for a lost race",
        scenarios.LAKE,
        _patch("headrace.lake.delta_log.DeltaLog._read_back", lambda *_: Landed("somebody", {})),
    ),
    Bug(
        "the lake writes rows without positions",
        scenarios.LAKE,
        _patch("headrace.lake.sink.Commit", lambda adds, txns, expect: Commit(adds, {}, {})),
    ),
)
