"""Where a service's CPU goes, by py-spy: an optional program, not one of the project's packages.

Only Python's own threads are seen, with what they call charged to the Python function that calls it; threads that wait
are left out. With py-spy's --native it cannot tell which those are.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_RATE = 100  # samples a second
_SHOWN = 12
_WAITING = ("_worker (", "EpollSelector.select (")  # py-spy takes some of these for work
_LINE = re.compile(r":\d+\)$")


class Sampler:
    """Samples one process into a file of folded stacks; does nothing without `py_spy`."""

    def __init__(self, py_spy: str | None, file: Path) -> None:
        self._py_spy = py_spy
        self._file = file

    @contextmanager
    def sampling(self, pid: int) -> Iterator[None]:
        """Sample for as long as the block runs."""
        if self._py_spy is None:
            yield
            return
        self._file.parent.mkdir(parents=True, exist_ok=True)
        program = [self._py_spy, "record", "--rate", str(_RATE), "--format", "raw"]
        sampler = subprocess.Popen(
            [*program, "--output", str(self._file), "--pid", str(pid)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            yield
            os.kill(sampler.pid, signal.SIGINT)  # it writes what it has
            sampler.wait(60)
        finally:
            if sampler.poll() is None:
                sampler.kill()
                sampler.wait()


def show_hot_spots(file: Path) -> None:
    """Print the functions with the largest share of the samples: on top of the stack, and anywhere in it."""
    own, within, total = Counter[str](), Counter[str](), 0
    for line in file.read_text().splitlines():
        stack, _, count = line.rpartition(" ")
        frames = [_LINE.sub(")", frame) for frame in stack.split(";")]
        if frames[-1].startswith(_WAITING):
            continue
        own[frames[-1]] += int(count)
        within.update(dict.fromkeys(set(frames), int(count)))
        total += int(count)
    for title, counts in (("on top", own), ("anywhere", within)):
        print(f"\n{file.stem}, {title}:")
        for frame, samples in counts.most_common(_SHOWN if counts is own else 3 * _SHOWN):
            print(f"  {samples / max(total, 1):6.1%}  {frame}")
