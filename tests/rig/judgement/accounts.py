"""Accounting (I6): what goes into a stage comes out of it, is rejected, or is dropped on purpose."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from rig.judgement.content import Content
from rig.judgement.facts import Facts
from rig.judgement.rows_hops import Rows
from rig.judgement.words import Book, Word


def judge_accounts(facts: Facts, contents: Mapping[str, Content], rows: Rows, book: Book) -> None:
    """Add up each hop from what is really there; only what was dropped on purpose is recomputed."""
    count = {topic: sum(len(message.rows) for message in content.messages()) for topic, content in contents.items()}
    rejected: Counter[tuple[str, str]] = Counter()
    for message in contents[facts.topic("quarantine")].messages():
        rejected.update((row["stage"], row["topic"]) for row in message.rows)

    def balance(where: str, came: int, went: int, refused: int, dropped: int) -> None:
        hop = book.hop(where)
        hop.rejected, hop.dropped = refused, dropped
        if came != went + refused + dropped:
            detail = f"{came} came in; {went} went on, {refused} were rejected, {dropped} dropped on purpose"
            book.find(Word.UNBALANCED, "I6", where, "rows", detail)

    by_stream = _streams_of_first_log(facts, contents)
    for stream in facts.streams:
        raw, ingested = facts.topic("raw", stream), facts.topic("ingested", stream)
        came = sum(len(partition) for partition in rows.ingested[stream])
        came += sum(1 for each in rows.rejected if each.topic == raw)
        balance(ingested, came, count[ingested], rejected["ingestion", raw], 0)
        dropped = sum(number for (name, _), number in rows.dropped.items() if name == stream)
        travels = facts.needed_at(stream, 0)
        where = facts.log_topic(0) if travels else facts.topic("clean", stream)
        went = by_stream[stream] if travels else count[where]
        balance(f"{where} of {stream}", count[ingested], went, rejected["cleaning", ingested], dropped)
    for name, spec in facts.predictions.items():
        features, predictions = facts.topic("features", name), facts.topic("predictions", name)
        if facts.chain:
            balance(features, by_stream[spec.on], count[features], 0, 0)
        balance(predictions, count[features], count[predictions], rejected["inference", features], 0)


def _streams_of_first_log(facts: Facts, contents: Mapping[str, Content]) -> Counter[str]:
    if not facts.chain:
        return Counter()
    return Counter(row["_stream"] for message in contents[facts.log_topic(0)].messages() for row in message.rows)
