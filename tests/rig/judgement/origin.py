"""`headrace-origin`, and the rule by which a reader tells repetitions (design §5.3, docs/adr/0002)."""

from __future__ import annotations

from dataclasses import dataclass

Position = tuple[int, int]
"""An input offset, and how many of the rows that it caused come before."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Which input a message's rows came from; `caused[i]` is the place of row i among what the input caused."""

    key: str  # stage, topic and partition of the input
    first: Position
    next: Position
    caused: tuple[Position, ...]


def parse(text: str) -> Origin:
    """The header's text; raises ValueError for any other."""
    stage, topic, partition, first_text, next_text, runs = text.split(" ")
    first, following = _position(first_text), _position(next_text)
    caused: list[Position] = []
    offset, base = first
    for run in [] if runs == "-" else runs.split(","):
        rows, _, times = run.partition("x")
        for _ in range(int(times or 1)):
            caused += [(offset, base + row) for row in range(int(rows))]
            offset, base = offset + 1, 0
    return Origin(f"{stage} {topic} {partition}", first, following, tuple(caused))


def _position(text: str) -> Position:
    offset, _, row = text.partition(".")
    return int(offset), int(row or 0)


class Marks:
    """How far a reader of one partition has come in each origin."""

    def __init__(self) -> None:
        self._marks: dict[str, Position] = {}

    def take(self, origin: Origin) -> int | None:
        """How many leading rows were seen before; None where the whole message was, and says nothing new."""
        mark = self._marks.get(origin.key, (0, 0))
        only_tells = origin.first == origin.next
        if origin.next < mark or (origin.next == mark and not only_tells):
            return None
        self._marks[origin.key] = max(mark, origin.next)
        return sum(1 for place in origin.caused if place < mark)
