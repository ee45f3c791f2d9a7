"""The servers inside the namespaces, as children of their first process."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from headrace.contract.errors import StackError

_LAST = 2000  # bytes of a log that are shown


class Servers:
    """Started servers, each with its log in `logs`; `environment` says where their programs are."""

    def __init__(self, logs: Path, environment: Mapping[str, str]) -> None:
        self._logs = logs
        self._environment = dict(environment)
        self._running: dict[int, tuple[str, subprocess.Popen[bytes]]] = {}

    def start(self, command: Sequence[str]) -> None:
        """Start a server; its name is its program's."""
        name = command[0]
        with (self._logs / f"{name}.log").open("ab") as log:
            server = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, env=self._environment
            )
        self._running[server.pid] = (name, server)

    def run(self, *command: str) -> str:
        """Run a program to its end; returns what it printed. Raises StackError with its own words when it fails."""
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=120, env=self._environment)
        except subprocess.TimeoutExpired as error:
            raise StackError(f"`{' '.join(command)}` did not end within {error.timeout:.0f} s") from error
        if done.returncode != 0:
            raise StackError(f"`{' '.join(command)}` failed: {done.stderr.strip() or done.stdout.strip()}")
        return done.stdout

    def expect_all(self) -> None:
        """Raise StackError with the last words of a server that has ended."""
        for name, server in self._running.values():
            if server.poll() is not None:
                raise self._ended(name)

    def reap(self, ended: Callable[[str], None]) -> None:
        """Take the exit status of every process that ends in here, until one of the servers does, and tell that.

        This is the first process of its pid namespace: it inherits what lost its parent.
        """
        while True:
            pid, _status = os.waitpid(-1, 0)
            if pid in self._running:
                ended(str(self._ended(self._running[pid][0])))
                return

    def _ended(self, name: str) -> StackError:
        log = self._logs / f"{name}.log"
        words = log.read_bytes()[-_LAST:].decode(errors="replace").strip()
        return StackError(f"{name} ended by itself; its log {log} ends with: {words or 'nothing'}")
