"""What a topic holds: records as they are, and messages as a reader gets them that recognises repetitions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import pyarrow as pa

from rig.judgement.arrow_rows import Row, decode
from rig.judgement.origin import Marks, Origin, parse
from rig.judgement.words import Book, Word

ARROW = "application/vnd.apache.arrow.stream"

Identity = tuple[int, int, int]
"""_partition, _offset, _row: the raw record that a row came from."""


@dataclass(frozen=True, slots=True)
class Record:
    """A Kafka record; `timestamp` in ms."""

    partition: int
    offset: int
    timestamp: int
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...]

    def header(self, name: str) -> str:
        """The text of a header; raises LookupError when it is not there once."""
        found = [value for key, value in self.headers if key == name]
        if len(found) != 1 or found[0] is None:
            raise LookupError(f"{name} is there {len(found)} times")
        return found[0].decode("ascii")


@dataclass(frozen=True, slots=True)
class Message:
    """What is new in one message of an internal topic; `causes[i]` is the input offset that caused row i."""

    partition: int
    offset: int
    timestamp: int
    origin: Origin
    progress: int | None
    behind: bool
    columns: Sequence[str]
    rows: Sequence[Row]
    causes: Sequence[int]


@dataclass(slots=True)
class Content:
    """A topic after the marks; `written` counts identities before them, to tell how a row was lost."""

    topic: str
    partitions: list[list[Message]]
    replayed: int = 0
    written: Counter[tuple[str | None, Identity]] = field(default_factory=Counter)

    def messages(self) -> Iterator[Message]:
        """Every message, partition by partition."""
        for messages in self.partitions:
            yield from messages


def identity_of(row: Row) -> Identity:
    return row["_partition"], row["_offset"], row["_row"]


def content_of(topic: str, partitions: Sequence[Sequence[Record]], book: Book) -> Content:
    """Read a topic as a reader does; a message that breaks the wire's own rules is a finding."""
    content = Content(topic, [])
    for records in partitions:
        marks = Marks()
        messages: list[Message] = []
        for record in records:
            try:
                message, replayed, rows = _message(record, marks)
            except (ValueError, LookupError, pa.ArrowException) as error:
                place = f"{record.partition}/{record.offset}"
                book.find(Word.CORRUPTED, "I4", topic, place, f"not a message: {error!r}")
                continue
            content.replayed += replayed
            content.written.update((row.get("_stream"), identity_of(row)) for row in rows)
            if message is not None:
                messages.append(message)
        content.partitions.append(messages)
    book.hop(topic).replayed += content.replayed
    return content


def _message(record: Record, marks: Marks) -> tuple[Message | None, int, list[Row]]:
    """What is new in a record, how many rows are not, and all its rows."""
    if record.header("content-type") != ARROW or record.value is None:
        raise ValueError("no Arrow stream")
    origin = parse(record.header("headrace-origin"))
    rows, columns = decode(record.value)
    if not len(rows) == int(record.header("headrace-rows")) == len(origin.caused):
        raise ValueError(f"{len(rows)} rows, the headers say otherwise")
    said, _, state = record.header("headrace-progress").partition(",")
    if state not in ("behind", "current"):
        raise ValueError(f"progress {said},{state}")
    skip = marks.take(origin)
    if skip is None:
        return None, len(rows), rows
    message = Message(
        partition=record.partition,
        offset=record.offset,
        timestamp=record.timestamp,
        origin=origin,
        progress=None if said == "-" else int(said),
        behind=state == "behind",
        columns=columns,
        rows=rows[skip:],
        causes=[offset for offset, _ in origin.caused[skip:]],
    )
    return message, skip, rows
