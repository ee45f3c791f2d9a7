"""Committed offsets (I7): they never go back, and never run ahead of what is durable."""

from __future__ import annotations

import json
import threading
import time
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Mapping
from itertools import accumulate
from pathlib import Path
from types import TracebackType
from typing import Self

from confluent_kafka import KafkaException

from rig.judgement.content import Content
from rig.judgement.evidence import Evidence, Place, Sample
from rig.judgement.facts import Facts
from rig.judgement.kafka_reader import KafkaReader, snapshot_of_groups
from rig.judgement.words import Book, Word

_ASK_SECONDS = 3.0


class CommitSampler:
    """A thread that writes down, again and again, what every group has committed and where the topics end.

    A context manager. Whoever breaks the broker need not stop it: a moment without an answer is passed over.
    """

    def __init__(self, kafka: str, facts: Facts, file: Path, every: float = 0.5) -> None:
        self._kafka = kafka
        self._facts = facts
        self._file = file
        self._every = every
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="commit sampler", daemon=True)

    def __enter__(self) -> Self:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ending.set()
        self._thread.join(60)

    def _run(self) -> None:
        with KafkaReader(self._kafka, _ASK_SECONDS) as reader, self._file.open("a", encoding="utf-8") as file:
            places: list[Place] = []
            while not self._ending.is_set():
                try:
                    places = places or reader.partitions(self._facts.internal_topics())
                    committed = snapshot_of_groups(reader, self._facts)
                    at = time.time()
                    ends = reader.ends(places)  # read later: whatever these commits rest on lies below
                except (KafkaException, TimeoutError, KeyError):
                    self._ending.wait(self._every)
                    continue
                said = {service: _flat(offsets) for service, offsets in committed.items()}
                file.write(json.dumps({"at": at, "committed": said, "ends": _flat(ends)}) + "\n")
                file.flush()
                self._ending.wait(self._every)


def _flat(offsets: Mapping[Place, int]) -> list[tuple[str, int, int]]:
    return [(topic, number, offset) for (topic, number), offset in offsets.items()]


def read_samples(file: Path) -> list[Sample]:
    """What a sampler wrote down; a last line that is not finished does not count."""
    samples = []
    for line in file.read_text(encoding="utf-8").splitlines():
        try:
            said = json.loads(line)
        except ValueError:
            break
        committed = {service: {(t, n): o for t, n, o in offsets} for service, offsets in said["committed"].items()}
        samples.append(Sample(said["at"], committed, {(t, n): o for t, n, o in said["ends"]}))
    return samples


def judge_commits(evidence: Evidence, facts: Facts, contents: Mapping[str, Content], book: Book) -> None:
    """Compare every commit that was seen with the one before, and with what was durable at that time."""
    _never_back(evidence, facts, book)
    outputs = _outputs(facts, contents)
    last = Sample(float("inf"), evidence.committed, evidence.ends)
    for sample in [*evidence.samples, last]:
        for service, offsets in sample.committed.items():
            if service != "lake":
                for place, committed in offsets.items():
                    _not_ahead(service, place, committed, sample, outputs, facts, book)
    for service in ("cleaning", "feature_engineering", "inference"):
        for (topic, number), committed in evidence.committed.get(service, {}).items():
            if service == "cleaning" and topic not in _remembering(facts):
                continue  # its marks lie beside the offset
            newest = evidence.snapshots.get((service, topic, number), 0)
            if committed > newest:
                where = f"{facts.group(service)} {topic}/{number}"
                book.find(Word.COMMIT_AHEAD, "I7", where, committed, f"the newest snapshot is of {newest}")
    _lake_not_ahead(evidence, facts, book)


def _remembering(facts: Facts) -> set[str]:
    """The topics of which cleaning keeps snapshots: those of streams that drop duplicates."""
    return {
        facts.topic("ingested", name)
        for name, stream in facts.streams.items()
        if any("drop_duplicates" in step for step in stream.clean)
    }


def _never_back(evidence: Evidence, facts: Facts, book: Book) -> None:
    before: dict[tuple[str, Place], int] = {}
    for committed in [*(sample.committed for sample in evidence.samples), evidence.committed]:
        for service, offsets in committed.items():
            for place, offset in offsets.items():
                was = before.get((service, place), 0)
                if offset < was:
                    where = f"{facts.group(service)} {place[0]}/{place[1]}"
                    book.find(Word.COMMIT_WENT_BACK, "I7", where, offset, f"it was {was} before")
                before[service, place] = offset


Output = tuple[Place, list[int], list[int]]
"""An output partition; for each of its messages with rows of one origin, its offset, and the earliest cause that the
first row of one from there on has."""


def _outputs(facts: Facts, contents: Mapping[str, Content]) -> dict[str, list[Output]]:
    """Origin → where it wrote."""
    found: dict[str, dict[Place, tuple[list[int], list[int]]]] = defaultdict(dict)
    for topic, content in contents.items():
        for message in content.messages():
            if message.rows:
                offsets, causes = found[message.origin.key].setdefault((topic, message.partition), ([], []))
                offsets.append(message.offset)
                causes.append(message.causes[0])
    return {
        key: [(place, offsets, _least_from(causes)) for place, (offsets, causes) in places.items()]
        for key, places in found.items()
    }


def _least_from(numbers: list[int]) -> list[int]:
    """For each place the least of what stands there and after it."""
    return list(accumulate(reversed(numbers), min))[::-1]


def _not_ahead(
    service: str,
    place: Place,
    committed: int,
    sample: Sample,
    outputs: Mapping[str, list[Output]],
    facts: Facts,
    book: Book,
) -> None:
    """No row that an input below the commit caused may have been written after the topics' ends of that moment."""
    for out, offsets, least in outputs.get(f"{service} {place[0]} {place[1]}", ()):
        end = sample.ends.get(out, 0)
        later = bisect_left(offsets, end)
        if later < len(least) and least[later] < committed:
            where = f"{facts.group(service)} {place[0]}/{place[1]}"
            detail = f"what {least[later]} caused was not yet in {out[0]}/{out[1]}, which ended at {end}"
            book.find(Word.COMMIT_AHEAD, "I7", where, committed, detail)


def _lake_not_ahead(evidence: Evidence, facts: Facts, book: Book) -> None:
    """The lake's offsets are a hint, but none may say more than the tables do."""
    if evidence.tables is None:
        return
    names = {topic_id: topic for topic, topic_id in evidence.topic_ids.items()}
    known: dict[Place, dict[str, list[tuple[float, int]]]] = defaultdict(lambda: defaultdict(list))
    for table in evidence.tables.values():
        for commit in table.commits:
            at = next((a["commitInfo"]["timestamp"] / 1000 for a in commit.actions if "commitInfo" in a), 0.0)
            for action in commit.actions:
                parts = action.get("txn", {}).get("appId", "").split("/")
                if len(parts) == 3 and parts[1] in names:
                    known[names[parts[1]], int(parts[2])][table.name].append((at, action["txn"]["version"]))
    last = Sample(float("inf"), evidence.committed, {})
    for sample in [*evidence.samples, last]:
        for place, committed in sample.committed.get("lake", {}).items():
            for name, moves in known[place].items():
                durable = max((version for at, version in moves if at <= sample.at), default=0)
                if committed > durable:
                    where = f"{facts.group('lake')} {place[0]}/{place[1]}"
                    book.find(Word.COMMIT_AHEAD, "I7", where, committed, f"table {name} had come to {durable}")
