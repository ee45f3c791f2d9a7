"""What shows that a run was hard: replays dropped and trimmed, snapshots restored, rebalances, turns in progress."""

from __future__ import annotations

import time
from typing import Any

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
        self._revoked_at = 0.0  # when partitions were given up, until the first step after that
        self._stepped_at = 0.0

    def install(self, service: str) -> None:
        """Watch this service."""
        wrap("headrace.runtime.intake:LogIntake", "admit", self._admit)
        wrap("headrace.runtime.intake", "drop_seen", self._drop_seen)
        if service == "lake":
            wrap(_LAKE, "_flush", self._turn)
            wrap(_LAKE, "_take", self._turn)
            wrap("headrace_lake.topic_lane:TopicLane", "take", self._step)
        else:
            wrap("headrace.runtime.opening:Opening", "_from_snapshot", self._from_snapshot)
            wrap("headrace.runtime.worker:Worker", "_turn", self._turn)
            wrap("headrace.runtime.fold:Fold", "step", self._step)
        wrap(_LAKE if service == "lake" else _GROUP, "on_partitions_revoked", self._revoked)
        wrap(_LAKE if service == "lake" else _GROUP, "on_partitions_assigned", self._assigned)

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
            if self._revoked_at:
                self._events.tell("resumed", seconds=time.monotonic() - self._revoked_at)
                self._revoked_at = 0.0
            return done

        return step

    def _revoked(self, original: Function) -> Function:
        async def revoked(*args: Any) -> Any:
            if args[1]:
                self._revoked_at = time.monotonic()
                busy = self._board.turns > 0 or self._revoked_at - self._stepped_at < _BUSY
                self._events.tell("revoked", partitions=len(args[1]), busy=busy)
            return await original(*args)

        return revoked

    def _assigned(self, original: Function) -> Function:
        async def assigned(*args: Any) -> Any:
            done = await original(*args)
            self._events.tell("assigned", partitions=len(args[1]))
            if not args[1]:
                self._revoked_at = 0.0  # nothing left to resume
            return done

        return assigned
