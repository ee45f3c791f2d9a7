"""The services under a supervisor that starts again what ended, as a kubelet would."""

from __future__ import annotations

import selectors
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from headrace.contract.errors import StackError

from rig.faults.instance import Instance
from rig.faults.nursery import Nursery

_QUICK = 3.0  # seconds: whoever ended sooner is started again after a pause
_PAUSES = (0.0, 0.3, 0.6, 1.2, 2.0)
_TICK = 0.1
GRACE_SECONDS = 25.0  # after SIGTERM; the services have 8 s for a stop in the rig, and their clients some more
_ZYGOTE_SECONDS = 120.0


class Fleet:
    """Instances by name; a context manager that leaves no process behind."""

    def __init__(self, services: Iterable[str], environment: Callable[[str], Mapping[str, str]], folder: Path) -> None:
        self._environment = environment
        self._folder = folder
        self._nurseries = {service: Nursery(service, folder) for service in services}
        self._instances: dict[str, Instance] = {}
        self._owners: dict[int, Instance] = {}  # by process
        self._lock = threading.RLock()
        self._ready: set[str] = set()  # services whose zygote is ready
        self._ending = threading.Event()
        self.failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="supervisor", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End every process: first the instances, so that each zygote sees its forks off; then the zygotes."""
        if self._ending.is_set():
            return
        try:
            with self._lock:
                for instance in self._instances.values():
                    instance.wanted, instance.due = False, None
                    instance.signal(signal.SIGKILL)
            if self.failure is None:
                self.until(lambda: all(each.life is None for each in self), "the end of every instance", 10.0)
        finally:
            self._ending.set()
            self._thread.join(10)
            for nursery in self._nurseries.values():
                nursery.close()

    def __getitem__(self, name: str) -> Instance:
        return self._instances[name]

    def __iter__(self) -> Iterator[Instance]:
        return iter(list(self._instances.values()))

    def wait_for_zygotes(self) -> None:
        """Return once every service has been imported; raises StackError when one cannot be."""
        self.until(lambda: self._ready == self._nurseries.keys(), "the services' imports", _ZYGOTE_SECONDS)

    def start(self, name: str) -> Instance:
        """Start an instance (`cleaning-0`), and again whenever it ends."""
        service = name.rpartition("-")[0]
        with self._lock:
            if name not in self._instances:
                self._instances[name] = Instance(service, name, self._environment(service), self._folder)
            instance = self._instances[name]
            instance.wanted = True
            if instance.life is None and instance.due is None:
                instance.due = time.monotonic()
        return instance

    def kill(self, name: str) -> bool:
        """End the process of an instance at once; whether there was one."""
        return self._instances[name].signal(signal.SIGKILL)

    def terminate(self, name: str) -> bool:
        """Tell an instance to hand over and end; it is started again all the same."""
        instance = self._instances[name]
        with self._lock:
            if (life := instance.life) is not None and life.told_to_end is None:
                life.told_to_end = time.monotonic()
        return instance.signal(signal.SIGTERM)

    def retire(self, name: str, seconds: float = 30.0) -> int | None:
        """Let an instance hand over and end for good; kills it when it has not. Returns its exit status."""
        instance = self._instances[name]
        with self._lock:
            instance.wanted, instance.due = False, None
        deadline = time.monotonic() + seconds
        if self.terminate(name):
            instance.signal(signal.SIGCONT)
            while instance.life is not None and time.monotonic() < deadline:
                time.sleep(0.05)
            if instance.life is not None:
                self.kill(name)
                self.until(lambda: instance.life is None, f"the end of {name}", 10.0)
        return instance.lives[-1].status if instance.lives else None

    def wait_ready(self, names: Iterable[str], seconds: float = 90.0) -> None:
        """Return once these instances say that they are ready; raises StackError with the reason of one that is not."""
        for name in names:
            instance = self._instances[name]
            self.until(lambda instance=instance: instance.not_ready() is None, f"{name} ready", seconds)  # type: ignore[misc]

    def until(self, condition: Callable[[], bool], what: str, seconds: float) -> None:
        """Return once the condition holds; raises StackError after so many seconds."""
        deadline = time.monotonic() + seconds
        while not condition():
            if self.failure is not None:
                raise StackError(f"the supervisor has ended: {self.failure!r}") from self.failure
            if time.monotonic() > deadline:
                raise StackError(f"not after {seconds:g} s: {what}")
            time.sleep(0.05)

    def _run(self) -> None:
        try:
            with selectors.DefaultSelector() as selector:
                for nursery in self._nurseries.values():
                    selector.register(nursery.channel, selectors.EVENT_READ, nursery)
                while not self._ending.is_set():
                    for key, _ in selector.select(_TICK):
                        for message in key.data.messages():
                            self._heard(key.data.service, message)
                    self._start_due()
                    self._kill_overdue()
        except BaseException as error:  # noqa: BLE001  told to whoever waits for something
            self.failure = error

    def _start_due(self) -> None:
        now = time.monotonic()
        with self._lock:
            for instance in self._instances.values():
                if instance.due is not None and instance.due <= now:
                    instance.due = float("inf")  # until the zygote says that it has begun
                    self._nurseries[instance.service].order(instance.name, instance.told(), instance.log)

    def _kill_overdue(self) -> None:
        """As a kubelet does when the grace period is over."""
        for instance in self:
            life = instance.life
            if life is None or life.told_to_end is None or life.overdue:
                continue
            if time.monotonic() - life.told_to_end > GRACE_SECONDS:
                life.overdue = True
                instance.signal(signal.SIGKILL)

    def _heard(self, service: str, message: Mapping[str, object]) -> None:
        with self._lock:
            match message["what"]:
                case "ready":
                    self._ready.add(service)
                case "started":
                    instance = self._instances[str(message["instance"])]
                    pid = int(str(message["pid"]))
                    self._owners[pid] = instance
                    instance.began(pid)
                    if not instance.wanted:  # it was retired while it was being started
                        instance.signal(signal.SIGKILL)
                case "ended":
                    self._ended(self._owners.pop(int(str(message["pid"]))), int(str(message["status"])))

    def _ended(self, instance: Instance, status: int) -> None:
        life = instance.ended(status)
        assert life.ended is not None
        instance.quick_ends = instance.quick_ends + 1 if life.ended - life.began < _QUICK else 0
        if instance.wanted:
            pause = _PAUSES[min(instance.quick_ends, len(_PAUSES) - 1)]
            instance.due = life.ended + pause
