"""Putting code around the functions of a class, for as long as the process lives."""

from __future__ import annotations

import asyncio
import functools
import importlib
import inspect
import os
import time
from collections.abc import Callable
from typing import Any

from rig.failpoints.board import Board
from rig.failpoints.events import Events
from rig.failpoints.points import HOOKS, Hook
from rig.failpoints.spec import KILLED, FailpointRaised, Spec

Function = Callable[..., Any]  # Any: whatever it is that is wrapped


def owner_of(place: str) -> Any:
    """The class (or module, without a colon) of `module:Class`; raises ImportError or AttributeError."""
    module, _, name = place.partition(":")
    found = importlib.import_module(module)
    return getattr(found, name) if name else found


def wrap(place: str, name: str, around: Callable[[Function], Function]) -> None:
    """Replace a function that exists by what `around` makes of it; raises AttributeError where there is none."""
    owner = owner_of(place)
    original = getattr(owner, name)
    setattr(owner, name, functools.wraps(original)(around(original)))


class Trip:
    """Decides at each point whether the armed failpoint goes off there, and what then happens."""

    def __init__(self, board: Board, events: Events) -> None:
        self._board = board
        self._events = events
        self._armed = ""
        self._passed = 0

    def reached(self, point: str) -> Spec | None:
        """The armed failpoint when it goes off here and now; for mode `exit` there is no return."""
        armed = self._board.armed
        if not armed:
            return None
        if armed != self._armed:
            self._armed, self._passed = armed, 0
        spec = Spec.parse(armed)
        if spec.point != point:
            return None
        self._passed += 1
        if self._passed < spec.nth:
            return None
        self._board.arm("")
        self._armed = ""
        self._events.tell("hit", point=point, mode=spec.mode)
        if spec.mode == "exit":
            os._exit(KILLED)
        if spec.mode == "raise":
            raise FailpointRaised(f"failpoint {point}")
        return spec

    def around(self, hook: Hook) -> Callable[[Function], Function]:
        """What puts this failpoint before or after a function."""
        point, before, counts = hook.point, hook.when == "before", hook.counts

        def make(original: Function) -> Function:
            async def asynchronous(*args: Any, **more: Any) -> Any:
                if before and counts(args) and (spec := self.reached(point)):
                    await asyncio.sleep(spec.seconds)
                result = await original(*args, **more)
                if not before and counts(args) and (spec := self.reached(point)):
                    await asyncio.sleep(spec.seconds)
                return result

            def plain(*args: Any, **more: Any) -> Any:
                if before and counts(args) and (spec := self.reached(point)):
                    time.sleep(spec.seconds)
                result = original(*args, **more)
                if not before and counts(args) and (spec := self.reached(point)):
                    time.sleep(spec.seconds)
                return result

            return asynchronous if inspect.iscoroutinefunction(original) else plain

        return make


def install(service: str, trip: Trip) -> None:
    """Put every failpoint that this service has where it belongs."""
    for hook in HOOKS:
        if service in hook.services:
            wrap(hook.owner, hook.name, trip.around(hook))
