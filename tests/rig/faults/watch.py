"""Memory and file descriptors of every process (I11), as they go."""

from __future__ import annotations

import os
import threading
import time
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import linear_regression, median
from types import TracebackType
from typing import Self

from headrace.local.processes import peak_memory

from rig.faults.fleet import Fleet

_EVERY = 1.0


@dataclass(frozen=True, slots=True)
class Reading:
    """One process at one moment; memory in bytes."""

    at: float
    instance: str
    pid: int
    memory: int
    files: int


class Watch:
    """A thread that looks at every instance once a second; a context manager."""

    def __init__(self, fleet: Fleet, *, every: float = _EVERY) -> None:
        self._fleet = fleet
        self._every = every
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)
        self.readings: list[Reading] = []

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ending.set()
        self._thread.join(10)

    def _run(self) -> None:
        while not self._ending.wait(self._every):
            for instance in self._fleet:
                life = instance.life
                if life is None:
                    continue
                memory, files = peak_memory(life.pid), _files(life.pid)
                life.peak_memory = max(life.peak_memory, memory)
                life.peak_files = max(life.peak_files, files)
                self.readings.append(Reading(time.monotonic(), instance.name, life.pid, _memory(life.pid), files))


@dataclass(frozen=True, slots=True)
class Slope:
    """How one process grew, per hour, over the `hours` that it was looked at after it had warmed up."""

    instance: str
    hours: float
    memory: float  # bytes
    files: float
    quarters: list[float]  # bytes: the median of each quarter of those hours; growth that ends shows in the last


def slopes(readings: Iterable[Reading], *, warm_up: float = 120.0, least: float = 300.0) -> list[Slope]:
    """The slope of every process that was looked at for long enough, by least squares; times in seconds."""
    by_process: dict[tuple[str, int], list[Reading]] = defaultdict(list)
    for reading in readings:
        by_process[reading.instance, reading.pid].append(reading)
    found = []
    for (instance, _), own in by_process.items():
        kept = [reading for reading in own if reading.at - own[0].at >= warm_up]
        if not kept or kept[-1].at - kept[0].at < least:
            continue
        hours = [(reading.at - kept[0].at) / 3600 for reading in kept]
        memory = linear_regression(hours, [reading.memory for reading in kept]).slope
        files = linear_regression(hours, [reading.files for reading in kept]).slope
        found.append(Slope(instance, hours[-1], memory, files, _quarters(kept)))
    return found


def _quarters(readings: list[Reading]) -> list[float]:
    cuts = [len(readings) * n // 4 for n in range(5)]
    return [median(reading.memory for reading in readings[cut:end]) for cut, end in pairwise(cuts)]


def _memory(pid: int) -> int:
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except OSError:
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


def _files(pid: int) -> int:
    try:
        return sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())
    except OSError:
        return 0
