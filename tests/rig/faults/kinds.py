"""Every kind of fault: how it is made and how it is healed. Each is a context manager around the time that it lasts."""

from __future__ import annotations

import resource
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path

from rig.failpoints.become import CLOCK
from rig.failpoints.events import read_events
from rig.failpoints.points import SERVICES
from rig.faults.disk import CannotBreak, full
from rig.faults.fault import Fault
from rig.faults.instance import Instance, Life
from rig.faults.world import World
from rig.proxy import HttpFault, TcpFault

_MARGIN = 16 << 20  # bytes of address space that are left to a process with a limit
_CYCLE = 0.2  # seconds of a starved process's day
_TOGETHER = 3.0  # seconds that a woken owner and its successor have together
_BACK = 30.0  # seconds that anything may take to come back in a heal

Kind = Callable[[Fault], AbstractContextManager[None]]


class Kinds:
    """Breaks one world and counts what it did: `kills` by kind, and zombies that woke up after another took over."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._fleet = world.fleet
        self.kills: Counter[str] = Counter()
        self.zombies = 0
        self.notes: list[str] = []
        self._kinds: dict[str, Kind] = {
            "kill": self._kill,
            "term": self._term,
            "zombie": self._zombie,
            "scale": self._scale,
            "memory": self._memory,
            "starve": self._starve,
            "clock": self._clock,
            "broker_kill": self._broker_kill,
            "broker_pause": self._broker_pause,
            "broker_restart": self._broker_restart,
            "disk_full": self._disk_full,
            "kafka_slow": partial(self._kafka, "slow"),
            "kafka_cut": partial(self._kafka, "cut"),
            "kafka_hole": partial(self._kafka, "hole"),
            "s3_503": partial(self._s3, "503"),
            "s3_slow": partial(self._s3, "slow"),
            "s3_truncated": partial(self._s3, "truncated"),
            "s3_wrong_etag": partial(self._s3, "wrong_etag"),
            "s3_forward_500": partial(self._s3, "forward_500"),
            "s3_forward_cut": partial(self._s3, "forward_cut"),
            "s3_down": partial(self._s3, "down"),
        }

    def broken(self, fault: Fault) -> AbstractContextManager[None]:
        """The fault, for as long as the block lasts. Raises CannotBreak for a kind that cannot be had here."""
        try:
            kind = self._kinds[fault.kind]
        except KeyError:
            raise CannotBreak(f"there is no fault {fault.kind!r}; there are {', '.join(self._kinds)}") from None
        return kind(fault)

    def first(self, service: str) -> Instance:
        """The instance that a fault of a service hits."""
        return self._fleet[f"{service}-0"]

    def kill(self, instance: str, kind: str = "SIGKILL") -> None:
        """End a process at once and count it, if there was one."""
        if self._fleet.kill(instance):
            self.kills[kind] += 1

    def terminate(self, instance: str) -> None:
        """Tell a process to hand over and end, and count it, if there was one."""
        if self._fleet.terminate(instance):
            self.kills["SIGTERM"] += 1

    @contextmanager
    def _kill(self, fault: Fault) -> Iterator[None]:
        everybody = fault.target == "all"
        for service in SERVICES if everybody else (fault.target,):
            self.kill(f"{service}-0", "SIGKILL, all at once" if everybody else "SIGKILL")
        yield

    @contextmanager
    def _term(self, fault: Fault) -> Iterator[None]:
        self.terminate(f"{fault.target}-0")
        yield

    @contextmanager
    def _zombie(self, fault: Fault) -> Iterator[None]:
        """Freeze an owner for longer than its session, let another instance take over, and wake it up."""
        old, new = self.first(fault.target), f"{fault.target}-1"
        _alive(old)
        frozen = old.life
        old.signal(signal.SIGSTOP)
        try:
            began = time.monotonic()
            self._fleet.start(new)
            yield
            taken = [
                event
                for event in read_events(self._fleet[new].events)[0]
                if event["what"] == "opened" and event["places"] and event["at"] > began
            ]
        finally:
            old.signal(signal.SIGCONT)
        if taken and frozen is old.life:
            self.zombies += 1
        else:
            self.notes.append(f"{fault}: nobody took over before it woke up")
        time.sleep(_TOGETHER)
        self._leaves(new)

    @contextmanager
    def _scale(self, fault: Fault) -> Iterator[None]:
        more = [f"{fault.target}-{number}" for number in range(1, int(fault.detail))]
        try:
            for name in more:
                self._fleet.start(name)
            yield
        finally:
            for name in more:
                self._leaves(name)

    def _leaves(self, name: str) -> None:
        status = self._fleet.retire(name)
        if status not in (0, None):
            self.notes.append(f"{name} left with status {status}")

    @contextmanager
    def _memory(self, fault: Fault) -> Iterator[None]:
        """Leave a process hardly any address space beyond what it has now."""
        life = _alive(self.first(fault.target))
        limit = _address_space(life.pid) + _MARGIN
        try:
            resource.prlimit(life.pid, resource.RLIMIT_AS, (limit, resource.RLIM_INFINITY))
        except PermissionError as error:
            raise CannotBreak(f"memory needs the right to set another process's limits: {error}") from error
        except ProcessLookupError:
            pass  # something else has just ended it
        try:
            yield
        finally:
            if life.ended is None:
                resource.prlimit(life.pid, resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))

    @contextmanager
    def _starve(self, fault: Fault) -> Iterator[None]:
        """Take a share of the CPU time away from a process, in slices."""
        instance, share = self.first(fault.target), float(fault.detail)
        ending = threading.Event()

        def run() -> None:
            while not ending.is_set():
                instance.signal(signal.SIGSTOP)
                ending.wait(_CYCLE * share)
                instance.signal(signal.SIGCONT)
                ending.wait(_CYCLE * (1 - share))

        thread = threading.Thread(target=run, name="starve", daemon=True)
        thread.start()
        try:
            yield
        finally:
            ending.set()
            thread.join()
            instance.signal(signal.SIGCONT)

    @contextmanager
    def _clock(self, fault: Fault) -> Iterator[None]:
        """Restart a process with a clock that is wrong, and once more with the right one."""
        instance = self.first(fault.target)
        instance.extra[CLOCK] = fault.detail
        self.kill(instance.name, "SIGKILL, clock changed")
        try:
            yield
        finally:
            instance.extra.pop(CLOCK, None)
            self.kill(instance.name, "SIGKILL, clock changed")

    @contextmanager
    def _broker_kill(self, _: Fault) -> Iterator[None]:
        broker = self._world.stack.kafka
        self.kills["broker SIGKILL"] += 1
        broker.kill()
        try:
            yield
        finally:
            broker.start()

    @contextmanager
    def _broker_pause(self, _: Fault) -> Iterator[None]:
        broker = self._world.stack.kafka
        broker.pause()
        try:
            yield
        finally:
            broker.resume()

    @contextmanager
    def _broker_restart(self, _: Fault) -> Iterator[None]:
        broker = self._world.stack.kafka
        self.kills["broker SIGTERM"] += 1
        broker.stop()
        try:
            yield
        finally:
            broker.start()

    @contextmanager
    def _disk_full(self, fault: Fault) -> Iterator[None]:
        folder: Path = self._world.disk(fault.target)
        try:
            with full(folder):
                yield
        finally:
            broker = self._world.stack.kafka
            if (
                fault.target == "kafka"
            ):  # it ends by itself, or lingers with its only disk offline, until it is restarted
                broker.kill()
                self.kills["broker SIGKILL"] += 1
                broker.start()

    @contextmanager
    def _kafka(self, mode: str, fault: Fault) -> Iterator[None]:
        seconds = float(fault.detail or "0.2")
        wrong = TcpFault(mode, f"{fault.target}-0", seconds)  # type: ignore[arg-type]  # one of the modes, see the table
        self._world.proxies.break_(wrong)
        try:
            yield
        finally:
            self._world.proxies.heal(wrong)

    @contextmanager
    def _s3(self, mode: str, fault: Fault) -> Iterator[None]:
        """`detail` is the share of the requests that are hit and, after a colon, what their path has in it."""
        door = "" if fault.target == "all" else fault.target
        share, _, path = fault.detail.partition(":")
        wrong = HttpFault(mode, door, float(share or "1"), path)  # type: ignore[arg-type]  # one of the modes
        self._world.proxies.break_(wrong)
        try:
            yield
        finally:
            self._world.proxies.heal(wrong)


def _alive(instance: Instance) -> Life:
    """The process of an instance, waited for."""
    deadline = time.monotonic() + _BACK
    while (life := instance.life) is None:
        if time.monotonic() > deadline:
            raise CannotBreak(f"{instance.name} has not come back in {_BACK:g} s")
        time.sleep(0.02)
    return life


def _address_space(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[0]) * resource.getpagesize()
    except OSError:
        return 0
