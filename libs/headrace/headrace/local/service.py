"""One service of the suite as a child process beside the stack, told everything by its environment."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from headrace.contract.errors import StackError
from headrace.local.child import Child
from headrace.local.ports import LOOPBACK, choose
from headrace.local.probes import not_ready
from headrace.local.stack import Endpoints

_READY_SECONDS = 60.0
STOP_SECONDS = 30.0
_PAUSE = 0.05


class Service:
    """`python -m headrace_<name>`; several instances of one service share the work."""

    def __init__(
        self,
        name: str,
        *,
        pipeline: Path,
        endpoints: Endpoints,
        logs: Path,
        number: int = 0,
        settings: Mapping[str, str] | None = None,
        keep_open: tuple[int, ...] = (),
    ) -> None:
        self.name = name
        self.instance = f"{name}-{number}"
        self.port = choose([])
        environment = {
            **os.environ,
            "HEADRACE_PIPELINE": str(pipeline),
            **endpoints.environment,
            "HEADRACE_HTTP_HOST": LOOPBACK,
            "HEADRACE_HTTP_PORT": str(self.port),
            "HEADRACE_INSTANCE": self.instance,
            **(settings or {}),
        }
        program = [sys.executable, "-m", f"headrace_{name}"]
        log = logs / f"{self.instance}.log"
        self.child = Child(self.instance, program, log=log, environment=environment, keep_open=keep_open)

    @property
    def url(self) -> str:
        """Where its health and metrics are."""
        return f"http://{LOOPBACK}:{self.port}"

    def start(self) -> None:
        """Start it without waiting for it."""
        self.child.start()

    @property
    def ready(self) -> bool:
        """Whether it says that every partition it owns is at work."""
        return self.not_ready() is None

    def not_ready(self) -> str | None:
        """Why it is not ready, in its own words; None when it is."""
        return not_ready(self.url)

    def wait_ready(self) -> None:
        """Return once it is ready; raises StackError with the end of its log when it ends or takes too long."""
        deadline = time.monotonic() + _READY_SECONDS
        while (why := self.not_ready()) is not None:
            if not self.child.alive:
                raise self.child.died()
            if time.monotonic() > deadline:
                raise StackError(
                    f"{self.instance} is not ready after {_READY_SECONDS:.0f} s: {why}; see its log {self.child.log}"
                )
            time.sleep(_PAUSE)

    def stop(self) -> int | None:
        """Let it hand over and end; returns its exit status."""
        return self.child.stop(STOP_SECONDS)

    def kill(self) -> None:
        """End it at once, as a crash would."""
        self.child.kill()

    def memory(self) -> int:
        """The most memory it has had at once, in bytes; 0 before its first start."""
        return self.child.peak_memory
