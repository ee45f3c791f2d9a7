"""What was seen last of every reader, and for how long that may be answered with; time is a parameter."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from headrace.autoscale.decision import Decision
from headrace.contract.errors import HeadraceError

from headrace_lag.lag import GroupLag, Reader


class NotSeen(HeadraceError):
    """There is no such pipeline or service here; the message says what there is and what would mend it."""


class Unanswerable(HeadraceError):
    """There is no number that may be given now: nothing was seen yet, or what was seen is too old."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What was seen of a reader, when (by a clock that never goes back, and by the wall's), and what follows."""

    at: float
    wall: datetime
    lag: GroupLag
    decision: Decision


class Board:
    """Bounded by the readers that the pipeline files name."""

    def __init__(self, stale_seconds: float, where: str) -> None:
        self._stale = stale_seconds
        self._where = where
        self._standings: dict[Reader, Standing] = {}
        self._failures: dict[Reader, str] = {}
        self._readers: frozenset[Reader] = frozenset()
        self.broken_files: dict[str, str] = {}

    @property
    def readers(self) -> list[Reader]:
        """Every reader that the pipeline files name, in order."""
        return sorted(self._readers)

    def expect(self, readers: Collection[Reader], broken_files: dict[str, str]) -> None:
        """Take up which readers there are; what is known of others is forgotten."""
        self._readers = frozenset(readers)
        self.broken_files = broken_files
        for known in (self._standings, self._failures):
            for gone in known.keys() - self._readers:
                del known[gone]

    def put(self, reader: Reader, standing: Standing) -> None:
        """A look at a reader that has succeeded."""
        self._standings[reader] = standing
        self._failures.pop(reader, None)

    def fail(self, reader: Reader, why: str) -> None:
        """A look at a reader that has failed; what was seen before stands until it is too old."""
        self._failures[reader] = why

    def answer(self, reader: Reader, now: float) -> Standing:
        """What is known of a reader. Raises NotSeen for one that no pipeline file names, Unanswerable."""
        if reader not in self._readers:
            raise NotSeen(self._missing(reader))
        standing = self._standings.get(reader)
        because = f": {self._failures[reader]}" if reader in self._failures else ""
        if standing is None:
            raise Unanswerable(f"{reader} has not been observed yet{because}")
        age = now - standing.at
        if age > self._stale:
            raise Unanswerable(f"{reader} was observed {age:.0f} s ago, and {self._stale:g} s is the most{because}")
        return standing

    def age(self, reader: Reader, now: float) -> float | None:
        """How old the last observation is; None when there is none."""
        standing = self._standings.get(reader)
        return None if standing is None else now - standing.at

    def not_ready(self, now: float) -> str | None:
        """Why it cannot answer; None as soon as one reader can be answered for."""
        if not self._readers:
            return self._nothing()
        why = ""
        for reader in self.readers:
            try:
                self.answer(reader, now)
            except Unanswerable as error:
                why = why or str(error)
            else:
                return None
        return why

    def _missing(self, reader: Reader) -> str:
        if not self._readers:
            return self._nothing()
        there = ", ".join(map(str, self.readers[:20]))
        return (
            f"nobody here reads as {reader}; there are {there}{self._broken()}. Put the pipeline's file into"
            f" {self._where}"
        )

    def _nothing(self) -> str:
        return f"there is no pipeline file in {self._where}{self._broken()}"

    def _broken(self) -> str:
        return "".join(f"; {file} cannot be read: {why}" for file, why in sorted(self.broken_files.items()))
