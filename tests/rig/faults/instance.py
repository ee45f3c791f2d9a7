"""One instance of a service under the driver: what it is told, the process that it is now, and its earlier lives."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from headrace.local.ports import LOOPBACK, choose
from headrace.local.probes import not_ready

from rig.failpoints.board import Board


@dataclass(slots=True)
class Life:
    """One process of an instance; times are monotonic."""

    pid: int
    handle: int  # a descriptor of the process: signals through it never reach another one
    began: float
    ended: float | None = None
    status: int | None = None
    in_turn: bool = False  # whether it ended with a turn in progress
    told_to_end: float | None = None  # when
    overdue: bool = False  # whether it had to be killed since it did not end when told to
    peak_memory: int = 0  # bytes
    peak_files: int = 0


@dataclass(slots=True)
class Instance:
    """An instance; `wanted` says whether it is to be started again when it ends."""

    service: str
    name: str
    environment: Mapping[str, str]
    folder: Path
    port: int = field(default_factory=choose)
    wanted: bool = False
    lives: list[Life] = field(default_factory=list)
    extra: dict[str, str] = field(default_factory=dict)  # of the environment, from the next start on
    due: float | None = None  # when it is to be started
    quick_ends: int = 0  # how often in a row it ended soon after its start
    board: Board = field(init=False)

    def __post_init__(self) -> None:
        self.board = Board(self.folder / f"{self.name}.board")

    @property
    def events(self) -> Path:
        """What it tells of itself."""
        return self.folder / f"{self.name}.events"

    @property
    def log(self) -> Path:
        """What it logs."""
        return self.folder / f"{self.name}.log"

    @property
    def url(self) -> str:
        """Its health and metrics."""
        return f"http://{LOOPBACK}:{self.port}"

    @property
    def life(self) -> Life | None:
        """The process that runs now."""
        return self.lives[-1] if self.lives and self.lives[-1].ended is None else None

    def told(self) -> dict[str, str]:
        """The environment of the next process."""
        own = {"HEADRACE_INSTANCE": self.name, "HEADRACE_HTTP_HOST": LOOPBACK, "HEADRACE_HTTP_PORT": str(self.port)}
        return {**os.environ, **self.environment, **own, "RIG_FOLDER": str(self.folder), **self.extra}

    def signal(self, number: signal.Signals) -> bool:
        """Send a signal to the process that runs now; whether there was one."""
        life = self.life
        if life is None or life.handle < 0:
            return False
        try:
            signal.pidfd_send_signal(life.handle, number)
        except ProcessLookupError:
            return False
        return True

    def not_ready(self) -> str | None:
        """Why it is not ready; None when it is."""
        return "it does not run" if self.life is None else not_ready(self.url)

    def began(self, pid: int) -> None:
        """Book a new process."""
        self.due = None
        try:
            handle = os.pidfd_open(pid)
        except ProcessLookupError:  # it has ended already, and its end will be told
            handle = -1
        self.lives.append(Life(pid, handle, time.monotonic()))

    def ended(self, status: int) -> Life:
        """Book the end of the process that ran."""
        life = self.lives[-1]
        life.ended, life.status, life.in_turn = time.monotonic(), status, self.board.turns > 0
        if life.handle >= 0:
            os.close(life.handle)
        return life
