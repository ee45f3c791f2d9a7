"""What came of one hop against what should have: every row once, in order, and nothing committed ahead of the log.

A problem begins with the invariant that it breaks, by the numbers of `rig.judgement`: I1 loss, I2 duplicates, I3
invention, I4 content, I5 order, I7 commits, I8 the lake's positions, I10 liveness.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from sim.judge_log import Record, Row, Taken, read

Place = tuple[str, int]
"""A topic and one of its partitions."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A row that an input partition must cause, by the input offset that causes it; `row` has the columns compared."""

    caused_by: int
    topic: str
    row: Row


@dataclass(frozen=True, slots=True)
class Committed:
    """An input offset of which somebody said that everything below it is done, and when."""

    place: Place
    offset: int
    moment: int
    what: str


@dataclass(slots=True)
class Found:
    """The rows of one origin in one output partition."""

    rows: list[tuple[int, int, Row]] = field(default_factory=list)  # caused by, moment, row
    current: bool = False


class Outputs:
    """All output partitions as readers see them, origin by origin."""

    def __init__(self, logs: Mapping[Place, Sequence[Record]]) -> None:
        self.taken: dict[Place, list[Taken]] = {place: list(read(log)) for place, log in logs.items()}
        self.found: dict[str, dict[Place, Found]] = defaultdict(lambda: defaultdict(Found))
        for place, messages in self.taken.items():
            for message in messages:
                found = self.found[message.origin][place]
                found.rows += [(caused_by, message.moment, row) for caused_by, row in message.rows]
                found.current = not message.behind


def identity(row: Row) -> tuple[object, ...]:
    """What makes a row the same row at every hop; a message that was refused is known by its place."""
    if row.get("_offset") is None:
        return ("refused", row["topic_offset"])
    return (row.get("_stream") or row.get("stream"), row["_partition"], row["_offset"], row["_row"])


def check_hop(stage: str, source: Place, wanted: Sequence[Wanted], outputs: Outputs) -> list[str]:
    """What is wrong with the output that `source` has caused."""
    origin = f"{stage} {source[0]} {source[1]}"
    problems: list[str] = []
    for topic in dict.fromkeys(each.topic for each in wanted):
        wants = [each for each in wanted if each.topic == topic]
        places = {identity(each.row): number for number, each in enumerate(wants)}
        assert len(places) == len(wants), "the judge expects a row twice"
        seen: dict[int, int] = defaultdict(int)
        for (name, partition), found in outputs.found[origin].items():
            if name == topic:
                numbers = _compare(f"{origin} in {name}/{partition}", found, wants, places, problems)
                for number in numbers:
                    seen[number] += 1
        problems += [
            f"{'I2' if seen[number] else 'I1'} {origin}: {topic} has {seen[number]} times {_brief(each.row)},"
            f" caused by {each.caused_by}"
            for number, each in enumerate(wants)
            if seen[number] != 1
        ]
    named = {each.topic for each in wanted}
    for (name, partition), found in outputs.found[origin].items():
        if name not in named and found.rows:
            problems.append(f"I3 {origin}: {name}/{partition} has rows nobody asked for: {_brief(found.rows[0][2])}, …")
    return problems


def _compare(
    where: str, found: Found, wants: Sequence[Wanted], places: Mapping[tuple[object, ...], int], problems: list[str]
) -> list[int]:
    numbers: list[int] = []
    for caused_by, _, row in found.rows:
        number = places.get(identity(row))
        if number is None:
            problems.append(f"I3 {where}: a row nobody asked for: {_brief(row)}")
            continue
        want = wants[number]
        if numbers and number < numbers[-1]:
            problems.append(f"I5 {where}: out of order: {_brief(row)} after {_brief(wants[numbers[-1]].row)}")
        if caused_by != want.caused_by:
            problems.append(f"I4 {where}: {_brief(row)} is said to be caused by {caused_by}, not {want.caused_by}")
        different = {name: (row.get(name), value) for name, value in want.row.items() if row.get(name) != value}
        if different:
            problems.append(f"I4 {where}: {_brief(row)} differs from what was expected: {different}")
        numbers.append(number)
    return numbers


def _brief(row: Row) -> str:
    return ", ".join(f"{name} {str(value)[:24]}" for name, value in row.items() if value is not None)


def check_told(stage: str, sources: Iterable[Place], listeners: Iterable[Place], outputs: Outputs) -> list[str]:
    """In the end every listener has been told by every source that nothing more waits (design §6, rule c)."""
    listening = list(listeners)
    return [
        f"I10 {stage} {topic} {partition}: the last word to {place} is not `current`"
        for topic, partition in sources
        for place in listening
        if not outputs.found[f"{stage} {topic} {partition}"][place].current
    ]


def check_commits(stage: str, commits: Sequence[Committed], outputs: Outputs) -> list[str]:
    """Whatever lies below an offset that was committed, or saved in a snapshot, was in the log before."""
    problems = []
    for commit in commits:
        origin = f"{stage} {commit.place[0]} {commit.place[1]}"
        for place, found in outputs.found[origin].items():
            for caused_by, moment, row in found.rows:
                if caused_by < commit.offset and moment > commit.moment:
                    problems.append(
                        f"I7 {origin}: {commit.what} says {commit.offset} before {_brief(row)}, caused by {caused_by},"
                        f" was in {place}"
                    )
    return problems


def check_never_back(commits: Sequence[Committed]) -> list[str]:
    """Commits of one partition only go forward."""
    last: dict[Place, int] = {}
    problems = []
    for commit in commits:
        if commit.offset < last.get(commit.place, 0):
            problems.append(f"I7 {commit.place}: committed {commit.offset} after {last[commit.place]}")
        last[commit.place] = commit.offset
    return problems
