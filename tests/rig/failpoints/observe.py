"""What shows that a run was hard: replays dropped and trimmed, snapshots restored, rebalances, turns in progress."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any

from aiokafka import TopicPartition

from rig.failpoints.board import Board
from rig.failpoints.events import Events
from rig.failpoints.wrap import Function, wrap

_BUSY = 1.0  # seconds: whoever has taken a step in this time is under load
_GROUP = "headrace.runtime.group:Group"
_LAKE = "headrace_lake.reader:LakeReader"


class Observer:
    """Tells what it sees to the events; changes nothing."""

    def __init__(self, board: Board, events: Events) -> None:
        self._board = board
        self._events = events
        self._stepped_at = 0.0

    def install(self, service: str) -> None:
        """Watch this service."""
        wrap("headrace.runtime.intake:LogIntake", "admit", self._admit)
        wrap("headrace.runtime.intake", "drop_seen", self._drop_seen)
        if service == "lake":
            wrap(_LAKE, "_flush", self._turn)
            wrap(_LAKE, "_take", self._turn)
            wrap(_LAKE, "_take_over", self._take_over)
            wrap("headrace_lake.topic_lane:TopicLane", "take", self._step)
        else:
            wrap("headrace.runtime.opening:Opening", "open", self._open)
            wrap("headrace.runtime.opening:Opening", "_from_snapshot", self._from_snapshot)
            wrap("headrace.runtime.worker:Worker", "_turn", self._turn)
            wrap("headrace.runtime.fold:Fold", "step", self._step)
        owner, held = (_LAKE, "_owned") if service == "lake" else (_GROUP, "_workers")
        wrap(owner, "on_partitions_revoked", self._revoked)
        wrap(owner, "drain", self._drain(held))

    def _admit(self, original: Function) -> Function:
        def admit(*args: Any) -> Any:
            admitted = original(*args)
            if admitted.replayed:
                self._events.tell("replayed", rows=admitted.replayed)
            return admitted

        return admit

    def _drop_seen(self, original: Function) -> Function:
        def drop_seen(*args: Any) -> Any:
            seen = original(*args)
            if seen:
                self._events.tell("trimmed", rows=seen)
            return seen

        return drop_seen

    def _from_snapshot(self, original: Function) -> Function:
        def from_snapshot(*args: Any) -> Any:
            fold = original(*args)
            if fold is not None:
                self._events.tell("restored", position=fold.position)
            return fold

        return from_snapshot

    def _turn(self, original: Function) -> Function:
        async def turn(*args: Any) -> Any:
            self._board.turns += 1
            try:
                return await original(*args)
            finally:
                self._board.turns -= 1

        return turn

    def _step(self, original: Function) -> Function:
        def step(*args: Any, **more: Any) -> Any:
            done = original(*args, **more)
            self._stepped_at = time.monotonic()
            return done

        return step

    def _open(self, original: Function) -> Function:
        def opened(*args: Any) -> Any:
            fold = original(*args)
            self._events.tell("opened", places=[(args[0].source.topic, args[0].partition)])
            return fold

        return opened

    def _revoked(self, original: Function) -> Function:
        async def revoked(*args: Any) -> Any:
            if args[1]:
                busy = self._board.turns > 0 or time.monotonic() - self._stepped_at < _BUSY
                self._events.tell("revoked", places=_places(args[1]), busy=busy)
            return await original(*args)

        return revoked

    def _take_over(self, original: Function) -> Function:
        async def take_over(*args: Any) -> Any:
            done = await original(*args)
            self._events.tell("opened", places=_places(args[1]))
            return done

        return take_over

    def _drain(self, held: str) -> Callable[[Function], Function]:
        def around(original: Function) -> Function:
            async def drain(*args: Any) -> Any:
                self._events.tell("leaving", places=_places(getattr(args[0], held)))
                return await original(*args)

            return drain

        return around


def _places(partitions: Iterable[TopicPartition]) -> list[tuple[str, int]]:
    return [(place.topic, place.partition) for place in partitions]
