"""The zygotes seen from the driver: starts forks of a service, and tells what started and what ended."""

from __future__ import annotations

import json
import os
import socket
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from headrace.local.child import Child

_TESTS = Path(__file__).parents[2]


class Nursery:
    """One service's zygote."""

    def __init__(self, service: str, logs: Path) -> None:
        self.service = service
        self.channel, far = socket.socketpair()
        program = [sys.executable, "-m", "rig.faults.zygote", service, str(far.fileno())]
        path = os.pathsep.join([str(_TESTS), *filter(None, [os.environ.get("PYTHONPATH")])])
        environment = {**os.environ, "PYTHONPATH": path}
        log = logs / f"zygote-{service}.log"
        self.child = Child(f"zygote-{service}", program, log=log, environment=environment, keep_open=[far.fileno()])
        self.child.start()
        far.close()
        self._pending = b""

    def order(self, instance: str, environment: Mapping[str, str], log: Path) -> None:
        """Ask for a fork; `messages` will say that it has started."""
        line = {"instance": instance, "environment": dict(environment), "log": str(log)}
        self.channel.sendall(f"{json.dumps(line)}\n".encode())

    def messages(self) -> list[dict[str, Any]]:
        """What has come since the last call; waits for something. Raises StackError when the zygote has ended."""
        received = self.channel.recv(1 << 16)
        if not received:
            raise self.child.died()
        *lines, self._pending = (self._pending + received).split(b"\n")
        return [json.loads(line) for line in lines]

    def close(self) -> None:
        """End the zygote and all of its forks."""
        self.channel.close()
        self.child.kill()
