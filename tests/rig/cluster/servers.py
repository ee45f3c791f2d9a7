"""The servers inside the namespaces, as children of their first process."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from headrace.contract.errors import StackError

_LAST = 2000  # bytes of a log that are shown
_END_SECONDS = 30.0
_RUN_SECONDS = 300.0  # importing images on a busy machine takes a minute


class Servers:
    """Started servers, each with its log in `logs`; `environment` says where their programs are."""

    def __init__(self, logs: Path, environment: Mapping[str, str]) -> None:
        self._logs = logs
        self._environment = dict(environment)
        self._running: dict[int, tuple[str, subprocess.Popen[bytes]]] = {}

    def start(self, command: Sequence[str]) -> None:
        """Start a server; its name is its program's."""
        server = self._spawn(command)
        self._running[server.pid] = (command[0], server)

    @contextmanager
    def during(self, command: Sequence[str]) -> Iterator[None]:
        """A server for as long as the block runs; it is asked to end, and has ended, afterwards."""
        server = self._spawn(command)
        try:
            yield
        finally:
            server.terminate()
            server.wait(_END_SECONDS)

    def run(self, *command: str) -> str:
        """Run a program to its end; returns what it printed. Raises StackError with its own words when it fails."""
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=_RUN_SECONDS, env=self._environment)
        except subprocess.TimeoutExpired as error:
            raise StackError(f"`{' '.join(command)}` did not end within {error.timeout:.0f} s") from error
        if done.returncode != 0:
            raise StackError(f"`{' '.join(command)}` failed: {done.stderr.strip() or done.stdout.strip()}")
        return done.stdout

    def expect_all(self) -> None:
        """Raise StackError with the last words of a server that has ended."""
        for name, server in list(self._running.values()):  # another thread may start one
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

    def _spawn(self, command: Sequence[str]) -> subprocess.Popen[bytes]:
        with (self._logs / f"{command[0]}.log").open("ab") as log:
            return subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, env=self._environment
            )

    def _ended(self, name: str) -> StackError:
        log = self._logs / f"{name}.log"
        words = log.read_bytes()[-_LAST:].decode(errors="replace").strip()
        return StackError(f"{name} ended by itself; its log {log} ends with: {words or 'nothing'}")
