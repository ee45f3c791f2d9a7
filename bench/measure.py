"""What a piece of work cost: rows and bytes by the clock, and CPU-seconds and peak memory of each process."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

import psutil
from headrace.local.processes import peak_memory


@dataclass(frozen=True, slots=True)
class Usage:
    """One process: CPU-seconds used meanwhile, and the most memory it ever had, in bytes."""

    cpu_seconds: float
    peak_bytes: int


@dataclass(frozen=True, slots=True)
class Work:
    """A piece of work that was measured."""

    name: str
    rows: int
    size: int  # bytes of its input
    seconds: float
    processes: Mapping[str, Usage]

    @property
    def rows_per_second(self) -> float:
        """By the clock."""
        return self.rows / self.seconds

    def cpu_per_million(self, process: str | None = None) -> float:
        """CPU-seconds per million rows, of one process or of all."""
        used = sum(usage.cpu_seconds for name, usage in self.processes.items() if process in (None, name))
        return used / self.rows * 1e6

    def figures(self) -> dict[str, object]:
        """Plain data, for JSON."""
        return {
            "name": self.name,
            "rows": self.rows,
            "seconds": round(self.seconds, 3),
            "rows_per_second": round(self.rows_per_second),
            "mb_per_second": round(self.size / 1e6 / self.seconds, 2),
            "cpu_seconds_per_million_rows": {
                **{name: round(self.cpu_per_million(name), 2) for name in self.processes},
                "all": round(self.cpu_per_million(), 2),
            },
            "peak_mb": {name: round(usage.peak_bytes / 2**20) for name, usage in self.processes.items()},
        }


class Meter:
    """Watches processes, by name and process id, from now on."""

    def __init__(self, processes: Mapping[str, int]) -> None:
        self._processes = {name: psutil.Process(pid) for name, pid in processes.items()}
        self._before = {name: _cpu(process) for name, process in self._processes.items()}
        self._began = time.monotonic()

    def read(self, name: str, rows: int, size: int, seconds: float | None = None) -> Work:
        """What they have used; `seconds` where the work ended before now."""
        seconds = time.monotonic() - self._began if seconds is None else seconds
        used = {
            each: Usage(_cpu(process) - self._before[each], peak_memory(process.pid))
            for each, process in self._processes.items()
        }
        return Work(name, rows, size, seconds, used)

    @property
    def seconds(self) -> float:
        """Since it began."""
        return time.monotonic() - self._began


def _cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def show_work(work: Work) -> None:
    """Print one line by the clock and a table of the processes."""
    print(
        f"\n{work.name}: {work.rows:,} rows, {work.size / 1e6:.1f} MB in {work.seconds:.1f} s:"
        f" {work.rows_per_second:,.0f} rows/s, {work.size / 1e6 / work.seconds:.1f} MB/s"
    )
    print(f"  {'process':22}{'CPU-s per million rows':>24}{'peak MB':>10}")
    for name, usage in work.processes.items():
        print(f"  {name:22}{work.cpu_per_million(name):24.1f}{usage.peak_bytes / 2**20:10.0f}")
    print(f"  {'all':22}{work.cpu_per_million():24.1f}", flush=True)


def show_alone(works: list[Work]) -> None:
    """Print a line for each service that worked alone."""
    print(f"\n{'alone':22}{'rows/s':>10}{'MB/s':>8}{'CPU-s per million rows':>24}{'peak MB':>10}")
    for work in works:
        peak = work.processes[work.name].peak_bytes / 2**20
        print(
            f"{work.name:22}{work.rows_per_second:10,.0f}{work.size / 1e6 / work.seconds:8.1f}"
            f"{work.cpu_per_million(work.name):24.1f}{peak:10.0f}",
            flush=True,
        )
