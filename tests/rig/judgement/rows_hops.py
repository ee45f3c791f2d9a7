"""Ingestion and cleaning: what must become of every raw record, and what did."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from rig.judgement.arrow_rows import Row
from rig.judgement.cleaning import Cleaner
from rig.judgement.compare import Placed, compare
from rig.judgement.content import Content, Identity, Message, identity_of
from rig.judgement.evidence import Evidence
from rig.judgement.facts import Facts
from rig.judgement.murmur import partition_of
from rig.judgement.outcomes import Dropped, Kept, Outcome, Rejected
from rig.judgement.raw_rows import outcomes_of
from rig.judgement.rejections import Expected
from rig.judgement.words import Book, Miss

IDENTITY = ("_partition", "_offset", "_row")


@dataclass(slots=True)
class Rows:
    """What must come of the raw topics; `dropped` counts stream and outcome, `unknown` rows with undeclared columns."""

    ingested: dict[str, list[list[Kept]]] = field(default_factory=dict)
    cleaned: dict[str, list[list[Kept]]] = field(default_factory=dict)
    rejected: list[Expected] = field(default_factory=list)
    dropped: Counter[tuple[str, str]] = field(default_factory=Counter)


def judge_rows(evidence: Evidence, facts: Facts, contents: Mapping[str, Content], book: Book) -> Rows:
    """Recompute ingested and cleaned rows from the raw records, and compare."""
    rows = Rows()
    for stream in facts.streams:
        _ingest(stream, evidence, facts, rows)
        _compare_ingested(stream, facts, contents, rows, book)
        _clean(stream, facts, contents, rows)
        if not facts.needed_at(stream, 0):
            _compare_clean_topic(stream, facts, contents, rows, book)
    if facts.chain:
        _compare_first_log(facts, contents, rows, book)
    return rows


def _ingest(stream: str, evidence: Evidence, facts: Facts, rows: Rows) -> None:
    topic = facts.topic("raw", stream)
    kept: list[list[Kept]] = []
    for number, records in enumerate(evidence.topics[topic]):
        here: list[Kept] = []
        for record in records:
            for outcome in outcomes_of(record, facts.streams[stream], facts):
                if isinstance(outcome, Kept):
                    here.append(outcome)
                elif isinstance(outcome, Rejected):
                    time = record.timestamp * 1000
                    rows.rejected.append(Expected("ingestion", topic, number, record.offset, time, stream, outcome))
        kept.append(here)
    rows.ingested[stream] = kept


def _compare_ingested(stream: str, facts: Facts, contents: Mapping[str, Content], rows: Rows, book: Book) -> None:
    content = contents[facts.topic("ingested", stream)]
    raw = facts.topic("raw", stream)
    expected = [
        Placed(kept.identity, (number, f"ingestion {raw} {number}"), kept.row)
        for number, partition in enumerate(rows.ingested[stream])
        for kept in partition
    ]
    compare(book, content.topic, expected, list(_found(content)), triage=misses(content))


def _clean(stream: str, facts: Facts, contents: Mapping[str, Content], rows: Rows) -> None:
    topic = facts.topic("ingested", stream)
    read = {identity_of(row): message for message in contents[topic].messages() for row in message.rows}
    cleaned: list[list[Kept]] = []
    for number, partition in enumerate(rows.ingested[stream]):
        cleaner = Cleaner(facts.streams[stream])
        here: list[Kept] = []
        for ingested in partition:
            outcome: Outcome = cleaner.clean(ingested.row)
            if isinstance(outcome, Kept):
                here.append(outcome)
            elif isinstance(outcome, Dropped):
                rows.dropped[stream, outcome.outcome] += 1
            else:
                message = read.get(ingested.identity)
                offset, time = (-1, 0) if message is None else (message.offset, message.timestamp * 1000)
                rows.rejected.append(Expected("cleaning", topic, number, offset, time, stream, outcome))
        cleaned.append(here)
    rows.cleaned[stream] = cleaned


def _compare_clean_topic(stream: str, facts: Facts, contents: Mapping[str, Content], rows: Rows, book: Book) -> None:
    content = contents[facts.topic("clean", stream)]
    expected = [
        Placed(kept.identity, (number, _cleaning(facts, stream, number)), kept.row)
        for number, partition in enumerate(rows.cleaned[stream])
        for kept in partition
    ]
    compare(book, content.topic, expected, list(_found(content)), triage=misses(content))


def _compare_first_log(facts: Facts, contents: Mapping[str, Content], rows: Rows, book: Book) -> None:
    content = contents[facts.log_topic(0)]
    shape = LogShape(facts, 0)
    expected = []
    for stream in shape.streams:
        for number, partition in enumerate(rows.cleaned[stream]):
            for kept in partition:
                row = shape.row(kept.row, stream)
                target = partition_of(row[facts.chain[0]], number, facts.partitions)
                sequence = (target, _cleaning(facts, stream, number))
                expected.append(Placed((stream, kept.identity), sequence, row))
    compare(
        book,
        content.topic,
        expected,
        list(found_in_log(content)),
        triage=misses_in_log(content),
    )


def _cleaning(facts: Facts, stream: str, number: int) -> str:
    return f"cleaning {facts.topic('ingested', stream)} {number}"


class LogShape:
    """What a merged log carries: what its streams still need, and the features that were read before it."""

    def __init__(self, facts: Facts, place: int) -> None:
        streams = [stream for stream in facts.streams if facts.needed_at(stream, place)]
        features = [
            feature.name
            for name, prediction in facts.predictions.items()
            if facts.exit(name) >= place
            for view in prediction.features
            if facts.home(view) < place
            for feature in facts.views[view].features
        ]
        self.streams = frozenset(streams)
        self._event_times = {stream: facts.streams[stream].event_time for stream in streams}
        self._needed = {stream: [*_needed(stream, facts, place), *features] for stream in streams}
        self._names = list(dict.fromkeys([name for names in self._needed.values() for name in names]))

    def row(self, row: Row, stream: str) -> Row:
        """A row of a stream as the log carries it: null where the stream has no such column."""
        time = row["_time"] if "_time" in row else row[self._event_times[stream]]
        values: Row = dict.fromkeys(self._names)
        values |= {name: row.get(name) for name in self._needed[stream]}
        return {"_stream": stream, "_time": time, **values, **{name: row[name] for name in IDENTITY}}


def _needed(stream: str, facts: Facts, place: int) -> list[str]:
    cleaned = Cleaner(facts.streams[stream]).columns()
    needed = facts.columns_at(stream, place, cleaned)
    return [name for name in cleaned if name in needed]


def _found(content: Content) -> Iterator[Placed[Identity]]:
    for message in content.messages():
        for row in message.rows:
            yield Placed(identity_of(row), _sequence(message), row)


def found_in_log(content: Content) -> Iterator[Placed[tuple[str, Identity]]]:
    """The rows of a merged log, each in the sequence of its partition and origin."""
    for message in content.messages():
        for row in message.rows:
            yield Placed((row["_stream"], identity_of(row)), _sequence(message), row)


def _sequence(message: Message) -> tuple[int, str]:
    return message.partition, message.origin.key


def misses(content: Content) -> Callable[[Identity], Miss]:
    """How a row that no reader gets was lost: it stands in the topic all the same, or it was never written."""
    return lambda name: Miss.DROPPED if content.written[None, name] else Miss.NEVER_WRITTEN


def misses_in_log(content: Content) -> Callable[[tuple[str, Identity]], Miss]:
    """The same, for a merged log."""
    return lambda name: Miss.DROPPED if content.written[name] else Miss.NEVER_WRITTEN


def misses_of_requests(content: Content) -> Callable[[tuple[str, Identity]], Miss]:
    """The same, for a features topic, whose rows are all of one stream."""
    return lambda name: Miss.DROPPED if content.written[None, name[1]] else Miss.NEVER_WRITTEN
