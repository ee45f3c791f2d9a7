"""Failpoints during a run: armed one at a time in each service, provoked where they need that, and counted."""

from __future__ import annotations

import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass

from rig.failpoints.events import read_events
from rig.failpoints.points import SERVICES, Cell
from rig.failpoints.spec import Spec
from rig.faults.fault import Fault
from rig.faults.instance import Instance
from rig.faults.kinds import Kinds

_PATIENCE = 20.0  # seconds until a point must have been passed
_LOOK = 0.02


@dataclass(frozen=True, slots=True)
class Missed:
    """A point that was not passed in time."""

    service: str
    spec: str


class Points:
    """Arms and waits, one failpoint of a service after the other; safe for threads."""

    def __init__(self, kinds: Kinds) -> None:
        self._kinds = kinds
        self._busy: dict[str, threading.Lock] = {service: threading.Lock() for service in SERVICES}
        self._read: dict[str, int] = defaultdict(int)
        self.hits: Counter[Cell] = Counter()
        self.missed: list[Missed] = []

    def break_(self, fault: Fault, on_hit: Callable[[], None], ending: threading.Event) -> None:
        """Arm a failpoint and wait until it goes off; `on_hit` is told at that moment."""
        service, spec = fault.target, Spec.parse(fault.detail)
        with self._busy[service]:
            instance = self._kinds.first(service)
            deadline = time.monotonic() + _PATIENCE
            while instance.life is None or instance.not_ready() is not None:
                if ending.is_set() or time.monotonic() > deadline:
                    self.missed.append(Missed(service, f"{spec}: not ready"))
                    return
                time.sleep(5 * _LOOK)
            _, self._read[instance.name] = read_events(instance.events, self._read[instance.name])
            instance.board.arm(str(spec))
            try:
                self._provoke(instance, spec)
                while not self._went_off(instance, spec):
                    if ending.is_set() or time.monotonic() > deadline + _PATIENCE:
                        self.missed.append(Missed(service, str(spec)))
                        return
                    time.sleep(_LOOK)
                self.hits[spec.point, service] += 1
                if spec.mode != "sleep":
                    self._kinds.kills[f"failpoint {spec.mode}"] += 1
                on_hit()
            finally:
                instance.board.arm("")

    def _provoke(self, instance: Instance, spec: Spec) -> None:
        if spec.point == "in_assign":
            self._kinds.kill(instance.name)
        elif spec.point == "in_revoke":
            self._kinds.terminate(instance.name)

    def _went_off(self, instance: Instance, spec: Spec) -> bool:
        events, self._read[instance.name] = read_events(instance.events, self._read[instance.name])
        return any(event["what"] == "hit" and event["point"] == spec.point for event in events)
