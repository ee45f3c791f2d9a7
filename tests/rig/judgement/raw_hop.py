"""What is in the raw topics against what the oracle sent: acknowledged ids are there, once, where Kafka said."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from rig.judgement.content import Record
from rig.judgement.evidence import Evidence
from rig.judgement.facts import Facts
from rig.judgement.words import Book, Miss, Word
from rig.oracle.payload import event
from rig.oracle.producer import ID_HEADER


@dataclass(frozen=True, slots=True)
class Sent:
    """How many ids were never acknowledged, and how many of those are in Kafka all the same."""

    unknown: int
    unknown_there: int


def judge_raw(evidence: Evidence, facts: Facts, book: Book) -> Sent:
    """Judge the producer's side, so that what follows can rely on the raw topics."""
    ledger = evidence.ledger
    there: dict[int, list[tuple[str, Record]]] = defaultdict(list)
    for stream in facts.streams:
        topic = facts.topic("raw", stream)
        book.hop(topic)
        for partition in evidence.topics[topic]:
            for record in partition:
                there[_id_of(record)].append((stream, record))
    for id_, places in there.items():
        where = facts.topic("raw", places[0][0])
        book.hop(where).delivered += len(places)
        if id_ not in ledger.ids:
            book.find(Word.INVENTED, "I3", where, id_, "the oracle never issued it")
            continue
        for _ in places[1:]:
            book.find(Word.DUPLICATED, "I2", where, id_, "one send, several records")
        _compare(id_, places[0], evidence, facts, book)
    for id_ in ledger.acknowledged.keys() - there.keys():
        where = facts.topic("raw", event(ledger.seed, id_).stream)
        book.find(Word.LOST, "I1", where, id_, "Kafka acknowledged it", Miss.NEVER_WRITTEN)
    for id_ in ledger.acknowledged:
        book.hop(facts.topic("raw", event(ledger.seed, id_).stream)).expected += 1
    unknown = ledger.unknown
    return Sent(len(unknown), sum(1 for id_ in unknown if id_ in there))


def _compare(id_: int, place: tuple[str, Record], evidence: Evidence, facts: Facts, book: Book) -> None:
    stream, record = place
    right = event(evidence.ledger.seed, id_)
    where = facts.topic("raw", stream)
    if (stream, record.partition, record.value) != (right.stream, right.partition, right.value):
        book.find(Word.CORRUPTED, "I4", where, id_, "the record is not what the id stands for")
    told = evidence.ledger.acknowledged.get(id_)
    if told is not None and told != (record.partition, record.offset):
        detail = f"acknowledged at {told}, found at {(record.partition, record.offset)}"
        book.find(Word.CORRUPTED, "I4", where, id_, detail)


def _id_of(record: Record) -> int:
    try:
        return int(record.header(ID_HEADER))
    except (LookupError, ValueError):
        return -1  # nobody's
