"""The suite's services beside a stack: which should run, which ended by themselves, and how all of them end."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from headrace.local.service import STOP_SECONDS, Service
from headrace.local.stack import Endpoints


class Services:
    """`counts` instances of each service (`ingestion-0`, `ingestion-1`, …); a context manager that leaves none behind.

    Nothing is restarted by itself: `fallen` tells what ended, and the caller decides. Pass the stack's lock in
    `keep_open`, so that `headrace local status | down` know that they belong to it.
    """

    def __init__(
        self,
        counts: Mapping[str, int],
        *,
        pipeline: Path,
        endpoints: Endpoints,
        logs: Path,
        settings: Mapping[str, str] | None = None,
        keep_open: tuple[int, ...] = (),
    ) -> None:
        made = [
            Service(
                name,
                pipeline=pipeline,
                endpoints=endpoints,
                logs=logs,
                number=number,
                settings=settings,
                keep_open=keep_open,
            )
            for name, count in counts.items()
            for number in range(count)
        ]
        self._services = {service.instance: service for service in made}
        self._wanted: set[str] = set()  # started, and nobody has ended them since

    def __getitem__(self, instance: str) -> Service:
        return self._services[instance]

    def __iter__(self) -> Iterator[Service]:
        return iter(self._services.values())

    def start(self, instance: str) -> None:
        """Start one instance, without waiting for it."""
        self._services[instance].start()
        self._wanted.add(instance)

    def stop(self, instance: str) -> int | None:
        """Let one instance hand over and end; returns its exit status."""
        self._wanted.discard(instance)
        return self._services[instance].stop()

    def kill(self, instance: str) -> None:
        """End one instance at once, as a crash would."""
        self._wanted.discard(instance)
        self._services[instance].kill()

    def fallen(self) -> list[Service]:
        """The instances that ended by themselves and were not started since."""
        return [self._services[name] for name in sorted(self._wanted) if not self._services[name].child.alive]

    def start_all(self) -> None:
        """Start every instance that does not run, without waiting for any."""
        for name, service in self._services.items():
            if not service.child.alive:
                self.start(name)

    def wait_ready(self, *names: str) -> None:
        """Return once every instance of these services is ready; StackError when one ends or takes too long."""
        for service in self._services.values():
            if service.name in names:
                service.wait_ready()

    def stop_all(self) -> dict[str, int | None]:
        """Let all hand over and end, at the same time; returns the exit status of each that ever ran.

        All together have as long as one alone; what has not ended by then is killed.
        """
        self._wanted.clear()
        for service in self._services.values():
            service.child.ask_to_end()
        deadline = time.monotonic() + STOP_SECONDS
        return {
            name: service.child.stop(max(0.0, deadline - time.monotonic())) for name, service in self._services.items()
        }

    def kill_all(self) -> None:
        """End all at once."""
        self._wanted.clear()
        for service in self._services.values():
            service.kill()

    def __enter__(self) -> Self:
        try:
            self.start_all()
        except BaseException:  # Ctrl-C too
            self.kill_all()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.stop_all()
        finally:
            self.kill_all()  # whatever an interrupted stop has left
