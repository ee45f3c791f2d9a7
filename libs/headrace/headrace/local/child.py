"""One child process that dies with its parent, has its own log file and can be stopped, killed or frozen."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from threading import Lock

from headrace.contract.errors import StackError
from headrace.local.places import is_full
from headrace.local.processes import NAME_VARIABLE, peak_memory
from headrace.local.spawner import in_spawner

_TETHER = Path(__file__).with_name("tether.py")


class Child:
    """A program run as a child; `keep_open` are file descriptors (locks) that it holds for as long as it lives."""

    def __init__(
        self,
        name: str,
        program: Sequence[str],
        *,
        log: Path,
        environment: Mapping[str, str] | None = None,
        keep_open: Sequence[int] = (),
    ) -> None:
        self.name = name
        self.log = log
        self._program = list(program)
        self._environment = {**(os.environ if environment is None else environment), NAME_VARIABLE: name}
        self._keep_open = tuple(keep_open)
        self._process: subprocess.Popen[bytes] | None = None
        self._wanted = False
        self._spawning = Lock()
        self._asked = False
        self._peak = 0

    @property
    def pid(self) -> int:
        """The process id of the latest start; raises StackError before the first."""
        if self._process is None:
            raise StackError(f"{self.name} was never started")
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """The exit status of the latest start, None while it runs (or before the first start)."""
        return self._process.poll() if self._process is not None else None

    @property
    def alive(self) -> bool:
        """Whether the process runs (a frozen one does)."""
        return self._process is not None and self._process.poll() is None

    @property
    def peak_memory(self) -> int:
        """The most memory any run had at once, in bytes, as last looked at: here, and before `stop` and `kill`."""
        self._look_at_memory()
        return self._peak

    def start(self) -> None:
        """Start the program in a session of its own, so that Ctrl-C in the terminal reaches only the parent."""
        if self.alive:
            raise StackError(f"{self.name} is already running (pid {self.pid})")
        self.log.parent.mkdir(parents=True, exist_ok=True)
        self._wanted = True
        in_spawner(self._spawn)

    def _spawn(self) -> None:
        tether = [sys.executable, "-I", "-S", str(_TETHER), str(os.getpid())]
        with self._spawning, self.log.open("ab") as log:
            if not self._wanted:  # Ctrl-C came in `start`, and `kill` was called since
                return
            self._asked = False
            self._process = subprocess.Popen(  # noqa: S603  the program is ours, no shell
                [*tether, *self._program],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=self._environment,
                pass_fds=self._keep_open,
                start_new_session=True,
            )

    def ask_to_end(self) -> None:
        """Send SIGTERM, once in a run, and return at once."""
        # A second one could hit a program that has done with its handlers, and kill it on its way out.
        if self._process is not None and self._process.poll() is None and not self._asked:
            self._asked = True
            self._process.send_signal(signal.SIGTERM)
            self._process.send_signal(signal.SIGCONT)  # a frozen process would never see the first one

    def stop(self, grace: float) -> int | None:
        """Ask the program to end, kill it when it has not after `grace` seconds; returns its exit status."""
        if self._process is None:
            return None
        self._look_at_memory()
        self.ask_to_end()
        if self.wait(grace) is None:
            self.kill()
        return self._process.returncode

    def wait(self, timeout: float) -> int | None:
        """The exit status once the program has ended, None when it has not within `timeout` seconds."""
        if self._process is None:
            raise StackError(f"{self.name} was never started")
        try:
            return self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            return None

    def kill(self) -> None:
        """End the program and all of its own children at once (SIGKILL) and wait until it is gone.

        After a `start` that Ctrl-C interrupted, too: the program then runs no more, or never will.
        """
        self._wanted = False
        with self._spawning:  # a start that is under way comes first
            pass
        if self._process is not None and self._process.poll() is None:
            self._look_at_memory()
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def _look_at_memory(self) -> None:
        if self.alive:
            self._peak = max(self._peak, peak_memory(self.pid))

    def pause(self) -> None:
        """Freeze the process (SIGSTOP): its connections stay open and nothing answers."""
        os.kill(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Let a frozen process go on (SIGCONT)."""
        os.kill(self.pid, signal.SIGCONT)

    def last_lines(self, count: int = 5) -> str:
        """The last lines of the log, joined by ` | `; what to show when the program ended by itself."""
        if not self.log.exists():
            return ""
        with self.log.open("rb") as log:
            log.seek(max(0, log.seek(0, os.SEEK_END) - 16384))
            lines = log.read().decode(errors="replace").splitlines()
        return " | ".join(line.strip() for line in lines[-count:] if line.strip())

    def died(self) -> StackError:
        """The error that says that this program ended by itself, with the end of its log."""
        status = self.exit_code
        how = f"signal {-status}" if status is not None and status < 0 else f"exit status {status}"
        said = self.last_lines() or "nothing"
        full = "; its disk is full: free some space" if is_full(self.log.parent) else ""
        return StackError(f"{self.name} ended by itself ({how}); its log {self.log} ends with: {said}{full}")


def expect_alive(children: Iterable[Child]) -> None:
    """Return if all of them run; raises StackError with the last words of the first that does not."""
    for child in children:
        if not child.alive:
            raise child.died()
