"""What was issued and what Kafka acknowledged, on disk as it happens: lines that are only ever appended.

`seed S` · `i FROM TO`: these ids are about to be sent (TO is not among them) · `a ID PARTITION OFFSET`: acknowledged ·
`f ID WHY`: nobody knows whether it was written · `end WHY`: nothing comes after this.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

_NAME = "ledger.log"


class LedgerWriter:
    """Appends; every call has reached the operating system when it returns."""

    def __init__(self, folder: Path, seed: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._file = (folder / _NAME).open("a", encoding="utf-8")
        self._write([f"seed {seed}"])

    def issue(self, first: int, end: int) -> None:
        """Say that these ids are about to be sent."""
        self._write([f"i {first} {end}"])

    def acknowledge(self, places: Iterable[tuple[int, int, int]]) -> None:
        """Book ids with the partition and the offset that Kafka says they have."""
        self._write([f"a {id_} {partition} {offset}" for id_, partition, offset in places])

    def fail(self, failed: Iterable[tuple[int, str]]) -> None:
        """Book ids of which nobody knows whether they were written."""
        self._write([f"f {id_} {why}" for id_, why in failed])

    def end(self, why: str) -> None:
        """Say that nothing more comes."""
        self._write([f"end {why}"])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def _write(self, lines: list[str]) -> None:
        if lines:
            self._file.write("".join(f"{line}\n" for line in lines))
            self._file.flush()


@dataclass(slots=True)
class Ledger:
    """The ledger as read: ids below `issued` were issued, `acknowledged` gives (partition, offset) of those that were.

    An id that was issued and is in neither mapping has an unknown outcome, too.
    """

    seed: int = 0
    first: int | None = None
    issued: int = 0
    acknowledged: dict[int, tuple[int, int]] = field(default_factory=dict)
    failed: dict[int, str] = field(default_factory=dict)
    ended: str | None = None

    @property
    def ids(self) -> range:
        """Every id that was issued."""
        return range(self.first or 0, self.issued)

    @property
    def unknown(self) -> list[int]:
        """Ids that were issued and never acknowledged."""
        return [id_ for id_ in self.ids if id_ not in self.acknowledged]


def read_ledger(folder: Path) -> Ledger:
    """Read what a ledger says; a line that is not finished yet does not count."""
    ledger = Ledger()
    text = (folder / _NAME).read_text(encoding="utf-8")
    for line in text[: text.rfind("\n") + 1].splitlines():
        word, _, rest = line.partition(" ")
        match word:
            case "seed":
                ledger.seed = int(rest)
            case "i":
                first, end = map(int, rest.split())
                ledger.first = first if ledger.first is None else min(ledger.first, first)
                ledger.issued = max(ledger.issued, end)
            case "a":
                id_, partition, offset = map(int, rest.split())
                ledger.acknowledged[id_] = (partition, offset)
                ledger.failed.pop(id_, None)
            case "f":
                number, _, why = rest.partition(" ")
                ledger.failed[int(number)] = why
            case "end":
                ledger.ended = rest
    return ledger
