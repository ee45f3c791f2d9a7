"""A place in an origin's output, finer than an offset: one input row may cause more rows than one message holds."""

from __future__ import annotations

import re
from dataclasses import dataclass

ROW_BITS = 24
OFFSET_LIMIT = 1 << (63 - ROW_BITS)  # a packed position stays a non-negative int64
ROW_LIMIT = 1 << ROW_BITS

_TEXT = re.compile(r"(0|[1-9][0-9]{0,11})(?:\.([1-9][0-9]{0,7}))?", re.ASCII)


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """All rows caused by input offsets below `offset`, and the first `row` rows caused by `offset`, have been seen.

    Raises ValueError unless 0 <= offset < 2^39 and 0 <= row < 2^24.
    """

    offset: int
    row: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.offset < OFFSET_LIMIT:
            raise ValueError(f"offset {self.offset} is outside 0..2^39-1")
        if not 0 <= self.row < ROW_LIMIT:
            raise ValueError(f"row {self.row} is outside 0..2^24-1")

    def pack(self) -> int:
        """One int64 that sorts as positions do: offset << 24 | row."""
        return self.offset << ROW_BITS | self.row

    @classmethod
    def unpack(cls, packed: int) -> Position:
        """The inverse of `pack`; raises ValueError for a number that `pack` never returns."""
        return cls(packed >> ROW_BITS, packed & (ROW_LIMIT - 1))

    @classmethod
    def parse(cls, text: str) -> Position:
        """The inverse of `str`, with exactly one spelling for each position; raises ValueError for any other text."""
        match = _TEXT.fullmatch(text)
        if match is None:
            raise ValueError(f"{text[:40]!r} is not a position (expected 123 or 123.45)")
        return cls(int(match[1]), int(match[2] or 0))

    def __str__(self) -> str:
        return f"{self.offset}.{self.row}" if self.row else str(self.offset)


START = Position(0)
