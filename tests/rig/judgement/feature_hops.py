"""Every merged log as one hop of the rows' path: applied in its order, answered, and carried on (design §3, §6)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from rig.judgement.arrow_rows import Row
from rig.judgement.cleaning import Cleaner
from rig.judgement.compare import Placed, compare
from rig.judgement.content import Content, Identity, identity_of
from rig.judgement.facts import Facts
from rig.judgement.murmur import partition_of
from rig.judgement.order import EventOrder
from rig.judgement.rows_hops import IDENTITY, LogShape, found_in_log, misses_in_log, misses_of_requests
from rig.judgement.views import ViewRows
from rig.judgement.words import Book, Word

Name = tuple[str, Identity]

_FORGET_EVERY = 500  # rows


@dataclass(slots=True)
class Counts:
    """What the stage must have counted."""

    applied: int = 0
    late: int = 0
    forced: int = 0
    too_late: int = 0


def judge_features(facts: Facts, contents: Mapping[str, Content], book: Book) -> Counts:
    """Recompute each log's output from the log as it is recorded, and compare with the next log and the features."""
    counts = Counts()
    leaving: dict[str, list[Placed[Name]]] = {name: [] for name in facts.predictions}
    for place in range(len(facts.chain)):
        onward: list[Placed[Name]] = []
        following = LogShape(facts, place + 1)
        for number in range(facts.partitions):
            for row in _applied(place, number, facts, contents, book, counts):
                _send(row, place, number, facts, following, onward, leaving)
        if place + 1 < len(facts.chain):
            content = contents[facts.log_topic(place + 1)]
            compare(book, content.topic, onward, list(found_in_log(content)), triage=misses_in_log(content))
    for name, expected in leaving.items():
        content = contents[facts.topic("features", name)]
        on = facts.predictions[name].on
        found = [
            Placed((on, identity_of(row)), (message.partition, message.origin.key), row)
            for message in content.messages()
            for row in message.rows
        ]
        compare(book, content.topic, expected, found, triage=misses_of_requests(content))
    return counts


def _applied(
    place: int, number: int, facts: Facts, contents: Mapping[str, Content], book: Book, counts: Counts
) -> list[Row]:
    """The rows of a log's partition in the order of their application, each with the features it reads here."""
    order = EventOrder(_origins(place, facts), facts.waiting_rows)
    views = {view.name: ViewRows(view) for view in facts.views_at(place)}
    read = {stream: facts.read_at(stream, place) for stream in facts.streams}
    newest: int | None = None
    applied: list[Row] = []
    content = contents[facts.log_topic(place)]
    for message in content.partitions[number]:
        for row in order.take(message):
            answered = dict(row)
            for view in read[row["_stream"]]:
                answered |= views[view.name].answer(row, newest)
            for kept in views.values():
                if kept.view.source == row["_stream"]:
                    kept.add(row, newest)
            newest = row["_time"] if newest is None else max(newest, row["_time"])
            applied.append(answered)
            if len(applied) % _FORGET_EVERY == 0:
                for kept in views.values():
                    kept.forget(newest)
    if order.waiting:
        book.find(Word.LOST, "I1", content.topic, f"partition {number}", f"{order.waiting} rows wait in it for ever")
    counts.applied += len(applied)
    counts.late += order.late
    counts.forced += order.forced
    counts.too_late += sum(view.too_late for view in views.values())
    return applied


def _origins(place: int, facts: Facts) -> list[str]:
    """Who writes a log, as the plan knows it: cleaning the first one, the log before each other."""
    numbers = range(facts.partitions)
    if place:
        return [f"feature_engineering {facts.log_topic(place - 1)} {number}" for number in numbers]
    streams = [name for name in facts.streams if facts.needed_at(name, 0)]
    return [f"cleaning {facts.topic('ingested', name)} {number}" for name in streams for number in numbers]


def _send(
    row: Row,
    place: int,
    number: int,
    facts: Facts,
    following: LogShape,
    onward: list[Placed[Name]],
    leaving: Mapping[str, list[Placed[Name]]],
) -> None:
    stream = row["_stream"]
    name = (stream, identity_of(row))
    writer = f"feature_engineering {facts.log_topic(place)} {number}"
    if stream in following.streams:
        further = following.row(row, stream)
        target = partition_of(further[facts.chain[place + 1]], row["_partition"], facts.partitions)
        onward.append(Placed(name, (target, writer), further))
    for prediction, spec in facts.predictions.items():
        if spec.on == stream and facts.exit(prediction) == place:
            leaving[prediction].append(Placed(name, (number, writer), _request(row, prediction, facts)))


def _request(row: Row, prediction: str, facts: Facts) -> Row:
    """A request as the features topic has it: the cleaned row under its own names, and every feature."""
    spec = facts.predictions[prediction]
    stream = facts.streams[spec.on]
    own = {name: row["_time"] if name == stream.event_time else row[name] for name in Cleaner(stream).columns()}
    features = {f.name: row[f.name] for view in spec.features for f in facts.views[view].features}
    return {**own, **features, **{name: row[name] for name in IDENTITY}}
