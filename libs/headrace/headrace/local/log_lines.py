"""The log files of a stack: their last lines, and new ones as they come."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

from headrace.contract.errors import StackError

_LAST_BYTES = 64 << 10
_LAST_LINES = 20
_PAUSE = 0.2


def log_files(folder: Path, part: str | None) -> list[Path]:
    """The log files of one part (`kafka`, `ingestion`, `ingestion-0`) or of all. Raises StackError when none is there.

    `folder` is the state folder.
    """
    found = sorted((folder / "logs").glob("*.log"))
    chosen = [file for file in found if part in (None, file.stem, file.stem.rpartition("-")[0])]
    if not chosen:
        there = ", ".join(file.stem for file in found) or "none yet"
        raise StackError(f"no log of {part or 'any part'} in {folder / 'logs'}; there are: {there}")
    return chosen


class Tail:
    """The end of one log file and, from then on, what is added to it."""

    def __init__(self, file: Path) -> None:
        self.name = file.stem
        self._file = file
        self._place = 0
        self._rest = b""

    def last(self) -> list[str]:
        """The last lines that are whole; what comes after them is left for `more`."""
        self._place = max(0, self._file.stat().st_size - _LAST_BYTES)
        return self.more()[-_LAST_LINES:]

    def more(self) -> list[str]:
        """The whole lines added since the last call."""
        with self._file.open("rb") as log:
            if log.seek(0, os.SEEK_END) < self._place:
                self._place, self._rest = 0, b""  # somebody emptied the file
            log.seek(self._place)
            added = log.read()
        self._place += len(added)
        *lines, self._rest = (self._rest + added).split(b"\n")
        return [line.decode(errors="replace") for line in lines]


def tell(files: list[Path], *, follow: bool) -> Iterator[str]:
    """The last lines of each file, `<part> | ` before each where there are several; endless when `follow`."""
    tails = [Tail(file) for file in files]
    width = max(len(tail.name) for tail in tails) if len(tails) > 1 else 0
    for tail in tails:
        yield from (_label(tail.name, width, line) for line in tail.last())
    while follow:
        for tail in tails:
            yield from (_label(tail.name, width, line) for line in tail.more())
        time.sleep(_PAUSE)


def _label(name: str, width: int, line: str) -> str:
    return f"{name:<{width}} | {line}" if width else line
