"""Rows that had to be there against rows that are: each difference under its word."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Generic, TypeVar

from rig.judgement.arrow_rows import Row
from rig.judgement.words import Book, Miss, Word

K = TypeVar("K", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Placed(Generic[K]):
    """A row under its name (identity, and stream where several meet), in a sequence that has an order of its own."""

    name: K
    sequence: Hashable
    row: Row


def compare(
    book: Book,
    where: str,
    expected: Sequence[Placed[K]],
    found: Sequence[Placed[K]],
    columns: Collection[str] | None = None,
    triage: Callable[[K], Miss] = lambda _: Miss.NEVER_WRITTEN,
) -> None:
    """Find what is lost, duplicated, invented, corrupted or out of order; both are given in their sequences' orders.

    `columns`: which to compare; None: those of the expected row.
    """
    hop = book.hop(where)
    hop.expected += len(expected)
    hop.delivered += len(found)
    wanted = {placed.name: placed for placed in expected}
    place = {placed.name: number for number, placed in enumerate(expected)}
    times = Counter(placed.name for placed in found)
    for name in wanted.keys() - times.keys():
        book.find(Word.LOST, "I1", where, name, miss=triage(name))
    for name, count in times.items():
        if name not in wanted:
            book.find(Word.INVENTED, "I3", where, name)
        for _ in range(count - 1):
            book.find(Word.DUPLICATED, "I2", where, name)
    sequences: dict[Hashable, list[int]] = defaultdict(list)
    seen: set[K] = set()
    for placed in found:
        if placed.name in seen or placed.name not in wanted:
            continue
        seen.add(placed.name)
        right = wanted[placed.name]
        if differing := differences(right.row, placed.row, columns):
            book.find(Word.CORRUPTED, "I4", where, placed.name, "; ".join(differing))
        if placed.sequence != right.sequence:
            detail = f"it is in {placed.sequence}, and belongs to {right.sequence}"
            book.find(Word.CORRUPTED, "I4", where, placed.name, detail)
        else:
            sequences[placed.sequence].append(place[placed.name])
    for sequence, places in sequences.items():
        for before, after in pairwise(places):
            if after < before:
                detail = f"in {sequence} it comes after {expected[before].name}"
                book.find(Word.OUT_OF_ORDER, "I5", where, expected[after].name, detail)


def differences(expected: Row, found: Row, columns: Collection[str] | None = None) -> list[str]:
    """Each column in which a row is not as expected."""
    names = expected.keys() if columns is None else columns
    return [
        f"{name} is {_shown(found, name)}, expected {_shown(expected, name)}"
        for name in names
        if name not in found or not same(expected.get(name), found[name])
    ]


def same(one: Any, other: Any) -> bool:
    """Whether two values are the same to the last bit."""
    if isinstance(one, float) and isinstance(other, float):
        if math.isnan(one) or math.isnan(other):
            return math.isnan(one) and math.isnan(other)
        return one == other and math.copysign(1.0, one) == math.copysign(1.0, other)
    return type(one) is type(other) and bool(one == other)


def _shown(row: Mapping[str, Any], name: str) -> str:
    return repr(row[name])[:60] if name in row else "not there"
