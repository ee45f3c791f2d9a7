"""Which input a message's rows came from, offset by offset: what makes a replay recognisable and trimmable."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from headrace.contract.errors import BadMessage
from headrace.wire.position import ROW_LIMIT, Position

TEXT_LIMIT = 64 * 1024
"""The longest header text, in characters; a message whose runs need more must be split."""

_REASON = "bad_origin"
_NAME = re.compile(r"[A-Za-z0-9._-]{1,249}", re.ASCII)
_PARTITION = re.compile(r"0|[1-9][0-9]{0,9}", re.ASCII)
_RUN = re.compile(r"(0|[1-9][0-9]{0,7})(?:x([1-9][0-9]{0,11}))?", re.ASCII)


@dataclass(frozen=True, slots=True, order=True)
class OriginKey:
    """One gap-free sequence of output: what a stage makes from one input partition."""

    stage: str
    topic: str
    partition: int

    def __post_init__(self) -> None:
        if _NAME.fullmatch(self.stage) is None or _NAME.fullmatch(self.topic) is None:
            raise ValueError(f"stage {self.stage[:40]!r} and topic {self.topic[:40]!r} must be of [A-Za-z0-9._-]")
        if not 0 <= self.partition < 2**31:
            raise ValueError(f"partition {self.partition} is outside 0..2^31-1")

    def __str__(self) -> str:
        return f"{self.stage} {self.topic} {self.partition}"


@dataclass(frozen=True, slots=True)
class Origin:
    """The range of an origin's output that a message is, and how many of its rows each input offset caused.

    `runs` are (rows, times): `times` consecutive input offsets, from `first.offset` on, caused `rows` rows each in this
    message. `first == next` with no runs is a progress-only message. Raises ValueError when range and runs disagree.
    """

    key: OriginKey
    first: Position
    next: Position
    runs: tuple[tuple[int, int], ...]

    def __post_init__(self) -> None:
        if self.next < self.first:
            raise ValueError(f"the range ends at {self.next}, before its start {self.first}")
        if any(not (0 <= rows < ROW_LIMIT and times >= 1) for rows, times in self.runs):
            raise ValueError("a run has 0..2^24-1 rows and is repeated at least once")
        covered = sum(times for _, times in self.runs)
        expected = offsets_in(self.first, self.next)
        if covered != expected:
            raise ValueError(f"the runs cover {covered} offsets, the range {self.first}..{self.next} has {expected}")
        if self.runs and self.next.row:
            last = self.runs[-1][0] + self.row_base(self.next.offset)
            if last != self.next.row:
                raise ValueError(f"the runs end at row {last} of the last offset, the range at {self.next}")

    @property
    def rows(self) -> int:
        """How many rows the message has."""
        return sum(rows * times for rows, times in self.runs)

    @property
    def progress_only(self) -> bool:
        """Whether the message covers no input at all and only tells how far its origin has come."""
        return self.first == self.next

    def position_after(self, rows: int) -> Position:
        """The place reached when the first `rows` of the message's rows have been seen, 0 < rows <= self.rows."""
        offset, left = self.first.offset, rows
        for each, times in self.runs:
            whole = min(times, (left - 1) // each) if each else times
            offset, left = offset + whole, left - whole * each
            if whole < times:
                end = left == each and not (offset == self.next.offset and self.next.row)
                return Position(offset + 1) if end else Position(offset, self.row_base(offset) + left)
        raise ValueError(f"the message has {self.rows} rows, not {rows}")

    def row_base(self, offset: int) -> int:
        """How many of the rows that `offset` caused came before this message."""
        return self.first.row if offset == self.first.offset else 0

    def __str__(self) -> str:
        runs = ",".join(str(rows) if times == 1 else f"{rows}x{times}" for rows, times in self.runs) or "-"
        return f"{self.key} {self.first} {self.next} {runs}"


def parse(text: str) -> Origin:
    """The inverse of `str(origin)`; raises BadMessage("bad_origin") for any other text or one above 64 KiB."""
    if len(text) > TEXT_LIMIT:
        raise BadMessage(_REASON, f"the text has {len(text)} characters, more than {TEXT_LIMIT}")
    fields = text.split(" ")
    if len(fields) != 6:
        raise BadMessage(_REASON, f"expected 6 fields separated by one space, found {len(fields)}")
    stage, topic, partition, first, following, runs = fields
    if _PARTITION.fullmatch(partition) is None:
        raise BadMessage(_REASON, f"{partition[:40]!r} is not a partition")
    try:
        key = OriginKey(stage, topic, int(partition))
        return Origin(key, Position.parse(first), Position.parse(following), tuple(_parse_runs(runs)))
    except ValueError as error:
        raise BadMessage(_REASON, str(error)) from error


def _parse_runs(text: str) -> Iterator[tuple[int, int]]:
    if text == "-":
        return
    for run in text.split(","):
        match = _RUN.fullmatch(run)
        if match is None or match[2] == "1":
            raise ValueError(f"{run[:40]!r} is not a run (expected rows or rows x times, as in 3 or 3x12)")
        yield int(match[1]), int(match[2] or 1)


def offsets_in(first: Position, following: Position) -> int:
    """How many input offsets have rows, or could have, in the range from `first` up to `following`."""
    if first == following:
        return 0
    return following.offset - first.offset + (1 if following.row else 0)


def from_offsets(key: OriginKey, first: Position, following: Position, caused_by: npt.NDArray[np.int64]) -> Origin:
    """The origin of a message whose i-th row was caused by input offset `caused_by[i]` (non-decreasing).

    Raises ValueError when an offset is outside the range or the offsets go down.
    """
    total = offsets_in(first, following)
    place = caused_by.astype(np.int64) - first.offset
    if len(place) and (place[0] < 0 or place[-1] >= total or bool(np.any(np.diff(place) < 0))):
        raise ValueError(f"the rows' offsets are not in order inside {first}..{following}")
    starts = np.flatnonzero(np.diff(place, prepend=-1))
    places, counts = place[starts], np.diff(starts, append=len(place))
    # Between the offsets that caused rows lie stretches that caused none: 0 x gap, count x 1, 0 x gap, ...
    gaps = np.diff(places, prepend=-1, append=total) - 1
    rows = np.zeros(2 * len(places) + 1, dtype=np.int64)
    times = np.ones_like(rows)
    rows[1::2], times[0::2] = counts, gaps
    rows, times = rows[times > 0], times[times > 0]
    heads = np.flatnonzero(np.diff(rows, prepend=-1))
    merged = np.add.reduceat(times, heads) if len(heads) else times
    return Origin(key, first, following, tuple(zip(rows[heads].tolist(), merged.tolist(), strict=True)))


def drop_seen(origin: Origin, mark: Position) -> int:
    """How many leading rows of the message a reader whose high-water mark is `mark` has seen: 0 none, all = replay."""
    if mark <= origin.first:
        return 0
    if mark >= origin.next:
        return origin.rows
    seen, offset = 0, origin.first.offset
    for each, times in origin.runs:
        whole = min(times, mark.offset - offset)
        seen, offset = seen + whole * each, offset + whole
        if whole < times:
            return seen + min(each, max(0, mark.row - origin.row_base(offset)))
    return seen


def is_replay(origin: Origin, mark: Position) -> bool:
    """Whether a reader at `mark` has seen the whole message; one that only tells progress is still news at the mark."""
    return origin.next < mark or (origin.next == mark and not origin.progress_only)


def split(origin: Origin, rows: int) -> tuple[Origin, Origin]:
    """The origins of the message's first `rows` rows and of the rest, 0 < rows < origin.rows, with no gap between."""
    cut = origin.position_after(rows)
    head: list[tuple[int, int]] = []
    tail: list[tuple[int, int]] = []
    left, offset = rows, origin.first.offset
    for each, times in origin.runs:
        whole = max(0, min(times, cut.offset - offset))
        inside = whole < times and offset + whole == cut.offset and cut.row > 0
        offset += times
        left -= whole * each
        _append(head, each, whole)
        if inside:
            _append(head, left, 1)
            _append(tail, each - left, 1)
        _append(tail, each, times - whole - (1 if inside else 0))
    return (
        Origin(origin.key, origin.first, cut, tuple(head)),
        Origin(origin.key, cut, origin.next, tuple(tail)),
    )


def _append(runs: list[tuple[int, int]], rows: int, times: int) -> None:
    if times == 0:
        return
    if runs and runs[-1][0] == rows:
        runs[-1] = (rows, runs[-1][1] + times)
    else:
        runs.append((rows, times))
