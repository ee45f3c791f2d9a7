"""Quarantine: each rejected row is there once, with the reason, its place and its bytes."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from rig.judgement.arrow_rows import Row
from rig.judgement.compare import Placed, compare, same
from rig.judgement.content import Content, Identity
from rig.judgement.moments import microseconds
from rig.judgement.outcomes import RAW_LIMIT, Rejected
from rig.judgement.words import Book, Word

Name = tuple[str, str, Identity]
"""Stage, the topic that it read, and the row."""


@dataclass(frozen=True, slots=True)
class Expected:
    """A row that a stage had to reject; `offset` and `time` are those of the record that the stage read."""

    stage: str
    topic: str
    partition: int
    offset: int
    time: int  # µs
    stream: str
    rejected: Rejected


def judge_quarantine(content: Content, expected: list[Expected], book: Book, width: int) -> None:
    """Compare the whole topic with all that had to be rejected."""
    wanted = [Placed(_name(each), _sequence(each, width), _row(each)) for each in expected]
    bodies = {_name(each): each.rejected for each in expected}
    found = []
    for message in content.messages():
        stage, topic, _ = message.origin.key.split(" ")
        for row in message.rows:
            name = (row["stage"], row["topic"], (row["_partition"], row["_offset"], row["_row"]))
            found.append(Placed(name, (message.partition, message.origin.key), row))
            if (stage, topic) != (row["stage"], row["topic"]):
                book.find(Word.CORRUPTED, "I4", content.topic, name, f"written by {stage} from {topic}")
            if (body := bodies.get(name)) is not None and (why := _wrong_bytes(body, row["raw"])):
                book.find(Word.CORRUPTED, "I4", content.topic, name, why)
    compare(book, content.topic, wanted, found)


def _name(each: Expected) -> Name:
    return each.stage, each.topic, each.rejected.identity


def _sequence(each: Expected, width: int) -> tuple[int, str]:
    return each.partition % width, f"{each.stage} {each.topic} {each.partition}"


def _row(each: Expected) -> Row:
    """The columns that are compared."""
    return {
        "topic_offset": each.offset,
        "reason": each.rejected.reason,
        "rule": each.rejected.rule,
        "stream": each.stream,
        "time": each.time,
    }


def _wrong_bytes(rejected: Rejected, raw: bytes) -> str | None:
    """What is wrong with the bytes that quarantine keeps."""
    if rejected.raw is not None:
        return None if raw == rejected.raw[:RAW_LIMIT] else "the raw bytes are others"
    if len(raw) == RAW_LIMIT:
        return None  # cut: no JSON any more
    try:
        said = json.loads(raw)
    except ValueError:
        return "its bytes are no JSON of the row"
    if not isinstance(said, dict):
        return "its JSON is no row"
    wrong = [name for name, value in (rejected.row or {}).items() if not _told(value, said.get(name))]
    return f"its JSON has other {', '.join(wrong)}" if wrong else None


def _told(value: Any, said: Any) -> bool:
    """Whether JSON says this value; a time is text there."""
    if isinstance(said, str) and isinstance(value, int):
        try:
            return microseconds(datetime.fromisoformat(said)) == value
        except (ValueError, TypeError):
            return False
    return same(value, said)
