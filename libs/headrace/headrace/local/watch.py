"""Looks after running children: tells what changes, starts fallen services again, ends when that is no use."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from headrace.local.child import Child, expect_alive
from headrace.local.service import Service
from headrace.local.services import Services
from headrace.runtime.exits import Exit

_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 30.0  # seconds before a fallen service is started again; doubles each time
_PATIENCE = 15.0  # seconds before a reason that stays the same is told; a service takes 3 to 12 to come up


@dataclass
class _State:
    """What an instance says of itself (None: ready), since when, and whether that was told."""

    why: str | None
    since: float
    told: bool = False


_UNHEARD = _State("not looked at yet", 0.0)


class Watch:
    """Call `look` again and again; `say` hears of every change."""

    def __init__(
        self,
        servers: Sequence[Child],
        services: Services | None,
        say: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._servers = servers
        self._services = services
        self._say = say
        self._clock = clock
        self._states: dict[str, _State] = {}
        self._pauses: dict[str, float] = {}
        self._due: dict[str, float] = {}  # fallen instance -> when it is started again

    def look(self) -> None:
        """Look once at everything. Raises StackError when a server ended, or a service that its user must mend."""
        expect_alive(self._servers)
        if self._services is None:
            return
        for service in self._services.fallen():
            self._lift(self._services, service)
        for service in self._services:
            if service.child.alive:
                self._tell(service)

    def _lift(self, services: Services, service: Service) -> None:
        name = service.instance
        if name not in self._due:
            if service.child.exit_code == Exit.USER:
                raise service.child.died()
            pause = self._pauses.get(name, _FIRST_PAUSE)
            self._pauses[name] = min(2 * pause, _LONGEST_PAUSE)
            self._due[name] = self._clock() + pause
            self._states.pop(name, None)
            self._say(f"{service.child.died()}; starting it again in {pause:.0f} s")
        elif self._clock() >= self._due[name]:
            del self._due[name]
            services.start(name)

    def _tell(self, service: Service) -> None:
        name, why, now = service.instance, service.not_ready(), self._clock()
        if self._states.get(name, _UNHEARD).why != why:
            self._states[name] = _State(why, now)
            if why is None:
                self._pauses.pop(name, None)
                self._say(f"{name}: ready")
        elif why is not None and not self._states[name].told and now >= self._states[name].since + _PATIENCE:
            self._states[name].told = True
            self._say(f"{name}: not ready, {why}")
