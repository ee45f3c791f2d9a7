"""What would change in Kafka if a pipeline file were applied: the topics it asks for against those that exist."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum


class Change(StrEnum):
    """What a topic's state means for `headrace apply`."""

    NEW = "new"  # would be created
    SAME = "same"  # is there as the file asks
    DIFFERS = "differs"  # is there with another number of partitions: refused
    ORPHANED = "orphaned"  # belongs to the pipeline by its name, and the file does not ask for it: left alone


@dataclass(frozen=True, slots=True)
class TopicChange:
    """One topic: the partitions that the file asks for and those there are; None where it does not ask or is not."""

    topic: str
    change: Change
    wanted: int | None
    found: int | None


def topic_changes(wanted: Mapping[str, int], existing: Mapping[str, int], prefix: str) -> list[TopicChange]:
    """Compare numbers of partitions by topic: first what the file asks for, then orphans under `prefix`, by name."""
    return [*_asked(wanted, existing), *_orphans(wanted, existing, prefix)]


def _asked(wanted: Mapping[str, int], existing: Mapping[str, int]) -> Iterator[TopicChange]:
    for topic, count in wanted.items():
        found = existing.get(topic)
        change = Change.NEW if found is None else Change.SAME if found == count else Change.DIFFERS
        yield TopicChange(topic, change, count, found)


def _orphans(wanted: Mapping[str, int], existing: Mapping[str, int], prefix: str) -> Iterator[TopicChange]:
    for topic in sorted(existing.keys() - wanted.keys()):
        if topic.startswith(f"{prefix}."):
            yield TopicChange(topic, Change.ORPHANED, None, existing[topic])


def refusal(changes: list[TopicChange]) -> str:
    """Return why these changes cannot be applied, and the ways out; empty if they can."""
    wrong = [change for change in changes if change.change is Change.DIFFERS]
    if not wrong:
        return ""
    lines = [f"{change.topic} has {change.found} partitions, the file asks for {change.wanted}" for change in wrong]
    counts = {change.found for change in changes if change.found is not None and change.wanted is not None}
    keep = (
        f"write `partitions: {wrong[0].found}` into the file" if len(counts) == 1 else "delete the ones that are empty"
    )
    return "\n".join(
        [
            *lines,
            "A number of partitions is never changed in place: rows, state and read positions were placed by it.",
            f"Either {keep}, or give the pipeline a new `name`: its topics are made anew, and its events replayed.",
        ]
    )
