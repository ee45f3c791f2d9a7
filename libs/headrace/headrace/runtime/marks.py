"""How far a reader has come in each of its origins, as the text that a commit carries beside its offset.

Offset and text are one record in Kafka, so they change together (design §5.4).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from headrace.contract.errors import PlanError, SnapshotError
from headrace.wire.headers import Progress
from headrace.wire.origin import OriginKey
from headrace.wire.position import Position

METADATA_LIMIT = 4096
"""The broker's default offset.metadata.max.bytes."""

_ENTRY_LIMIT = 48  # index, packed position and time, each at its longest
_VERSION = "1"


@dataclass(frozen=True, slots=True)
class Heard:
    """The last that was taken from an origin: the position after it, and what it said of its progress."""

    position: Position
    progress: Progress


Marks = Mapping[OriginKey, Heard]


def check_room(known: Sequence[OriginKey]) -> None:
    """Raise PlanError when marks for all these origins could be longer than a commit's metadata may be."""
    if len(known) * _ENTRY_LIMIT + 16 > METADATA_LIMIT:
        raise PlanError(
            f"{len(known)} origins write one partition of {known[0].topic}'s reader: their marks may not fit into the"
            f" {METADATA_LIMIT} bytes of a commit; use fewer partitions"
        )


def encode(marks: Marks, known: Sequence[OriginKey]) -> str:
    """The marks as text: origins by their place among the `known`, which a fingerprint guards."""
    places = {key: place for place, key in enumerate(sorted(known))}
    entries = (_entry(places[key], heard) for key, heard in sorted(marks.items()))
    return " ".join([_VERSION, _fingerprint(known), *entries])


def decode(text: str, known: Sequence[OriginKey]) -> dict[OriginKey, Heard]:
    """The inverse of `encode`.

    Raises SnapshotError for a text of other origins or no such text at all: guessing would double rows or lose them.
    """
    fields = text.split(" ")
    if len(fields) < 2 or fields[0] != _VERSION:
        raise SnapshotError(f"the committed marks {text[:60]!r} were not written by this version of Headrace")
    if fields[1] != _fingerprint(known):
        raise SnapshotError("the committed marks belong to other origins: the topics or their partitions have changed")
    keys = sorted(known)
    try:
        return dict(_parse(field, keys) for field in fields[2:])
    except (ValueError, IndexError) as error:
        raise SnapshotError(f"the committed marks {text[:60]!r} are damaged: {error}") from error


def _entry(place: int, heard: Heard) -> str:
    time = "" if heard.progress.time is None else format(heard.progress.time, "x")
    return f"{place:x}:{heard.position.pack():x}:{time}:{'b' if heard.progress.behind else 'c'}"


def _parse(field: str, keys: Sequence[OriginKey]) -> tuple[OriginKey, Heard]:
    place, position, time, state = field.split(":")
    if state not in ("b", "c"):
        raise ValueError(f"{state!r} is neither b nor c")
    progress = Progress(int(time, 16) if time else None, behind=state == "b")
    return keys[int(place, 16)], Heard(Position.unpack(int(position, 16)), progress)


def _fingerprint(known: Sequence[OriginKey]) -> str:
    return hashlib.sha256("\n".join(map(str, sorted(known))).encode()).hexdigest()[:8]
