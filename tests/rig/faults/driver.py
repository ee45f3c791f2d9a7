"""Applies a schedule to a world: at its times, healed in `finally`, and never for longer than a bound."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from rig.faults.fault import Fault, Schedule
from rig.faults.flow import Flow
from rig.faults.kinds import Kinds
from rig.faults.points import Points

_TICK = 0.02


@dataclass(slots=True)
class Driver:
    """`calm_seconds` bounds the wait before a calm fault: after that the fault comes all the same."""

    kinds: Kinds
    points: Points
    flow: Flow
    say: Callable[[str], None]
    calm_seconds: float = 40.0
    applied: list[Fault] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    ending: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    def run(self, schedule: Schedule, seconds: float) -> None:
        """Apply all faults, or as many as begin within so many seconds; returns when all are healed."""
        deadline = time.monotonic() + seconds
        began = time.monotonic()  # of the schedule's clock, which stands still now and then
        try:
            for number, fault in enumerate(schedule.faults, 1):
                if fault.calm:
                    began += self._wait_for_calm(deadline)
                while time.monotonic() < began + fault.at and not self._stops(deadline):
                    time.sleep(_TICK)
                if self._stops(deadline):
                    self.say(f"stopped before fault {number} of {len(schedule.faults)}")
                    break
                if fault.kind not in ("kill", "failpoint", "term"):
                    self.say(f"{time.monotonic() - began:6.1f} s  {number}/{len(schedule.faults)}  {fault}")
                elif number % 25 == 0:
                    kills = sum(self.kinds.kills.values())
                    self.say(f"{time.monotonic() - began:6.1f} s  {number}/{len(schedule.faults)}  {kills} kills")
                self._apply(fault)
            longest = max((fault.lasts for fault in self.applied), default=0.0)
            self._join(min(60.0 + longest, max(1.0, deadline - time.monotonic())))
        finally:
            self.ending.set()
            self._join(60.0)

    def _stops(self, deadline: float) -> bool:
        return bool(self.failures) or time.monotonic() > deadline

    def _wait_for_calm(self, deadline: float) -> float:
        """Wait for what lasts, and until everything flows; returns the seconds it took."""
        began = time.monotonic()
        until = min(deadline, began + self.calm_seconds)
        while time.monotonic() < until and not (self.flow.flows and not self._lasting()) and not self.failures:
            time.sleep(_TICK)
        return time.monotonic() - began

    def _lasting(self) -> bool:
        self._threads = [thread for thread in self._threads if thread.is_alive()]
        return bool(self._threads)

    def _apply(self, fault: Fault) -> None:
        self.applied.append(fault)
        thread = threading.Thread(target=self._guarded, args=(fault,), name=str(fault), daemon=True)
        self._threads.append(thread)
        thread.start()

    def _guarded(self, fault: Fault) -> None:
        try:
            if fault.kind == "failpoint":
                self.points.break_(fault, partial(self._went_off, fault), self.ending)
                return
            recovery = self.flow.begin(fault.kind, fault.target)
            with self.kinds.broken(fault):
                self.ending.wait(fault.lasts)
            self.flow.heal(recovery)
        except Exception as error:  # noqa: BLE001  the run ends and says why
            self.failures.append(f"{fault}: {error!r}")

    def _went_off(self, fault: Fault) -> None:
        self.flow.heal(self.flow.begin("failpoint", fault.target))

    def _join(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        if self._lasting():
            self.failures.append(f"not healed in {seconds:g} s: {', '.join(t.name for t in self._threads)}")
