"""Honest instruments (I12): what /metrics says against what is there, for services that were not restarted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from prometheus_client.parser import text_string_to_metric_families

from rig.judgement.content import Content
from rig.judgement.evidence import Evidence
from rig.judgement.facts import Facts
from rig.judgement.feature_hops import Counts
from rig.judgement.rows_hops import Rows
from rig.judgement.words import Book, Word

Shown = dict[tuple[str, tuple[str, ...]], float]
"""(Metric, label values in the order of their names) → the sum over a service's instances."""


def judge_instruments(
    evidence: Evidence, facts: Facts, contents: Mapping[str, Content], rows: Rows, counts: Counts, book: Book
) -> None:
    """Compare every counter that can be counted otherwise; the difference must be 0, and so must the lag."""
    right = _outcomes(evidence, facts, contents, rows, counts)
    for service, texts in evidence.instruments.items():
        shown = _read(texts)

        def check(what: str, said: float, is_: float, service: str = service) -> None:
            if said != is_:
                detail = f"it shows {said:g}, and {is_:g} is right"
                book.find(Word.DISHONEST, "I12", facts.group(service), what, detail)

        for outcome, number in right[service].items():
            check(f"rows {outcome}", shown.get(("headrace_rows_total", (outcome,)), 0.0), number)
        for topic in facts.inputs_of_groups()[service]:
            for number in range(facts.partitions):
                labels = (str(number), topic)  # by their names: partition, topic
                end = evidence.ends[topic, number]
                # A stage shows a lag for every partition that it owns, the lake for those from which something came.
                check(f"lag of {topic}/{number}", shown.get(("headrace_lag_messages", labels), 0.0), 0)
                check(f"messages in of {topic}/{number}", shown.get(("headrace_messages_in_total", labels), 0.0), end)
        for topic in _written_by(service, facts):
            written = contents[topic].written.total()
            check(f"rows out to {topic}", shown.get(("headrace_rows_out_total", (topic,)), 0.0), written)


def _outcomes(
    evidence: Evidence, facts: Facts, contents: Mapping[str, Content], rows: Rows, counts: Counts
) -> dict[str, dict[str, float]]:
    rejected: Counter[str] = Counter()
    for message in contents[facts.topic("quarantine")].messages():
        rejected.update(row["stage"] for row in message.rows)
    dropped: Counter[str] = Counter()
    for (_, outcome), number in rows.dropped.items():
        dropped[outcome] += number

    def total(topics: Iterable[str]) -> int:
        return sum(len(message.rows) for topic in topics for message in contents[topic].messages())

    clean = [facts.topic("clean", name) for name in facts.streams if not facts.needed_at(name, 0)]
    tables = evidence.tables or {}
    return {
        "ingestion": {
            "kept": total(facts.topic("ingested", name) for name in facts.streams)
            + sum(1 for each in rows.rejected if each.rejected.reason == "row_too_large"),
            "rejected": rejected["ingestion"],
        },
        "cleaning": {
            "kept": total([*([facts.log_topic(0)] if facts.chain else []), *clean]),
            "filtered": dropped["filtered"],
            "duplicates": dropped["duplicates"],
            "rejected": rejected["cleaning"],
        },
        "feature_engineering": {
            "applied": counts.applied,
            "late": counts.late,
            "forced": counts.forced,
            "too_late": counts.too_late,
        },
        "inference": {
            "scored": total(facts.topic("predictions", name) for name in facts.predictions),
            "rejected": rejected["inference"],
        },
        "lake": {"written": sum(len(t.rows.get(path, ())) for t in tables.values() for path in t.listed)},
    }


def _written_by(service: str, facts: Facts) -> list[str]:
    clean = [facts.topic("clean", name) for name in facts.streams if not facts.needed_at(name, 0)]
    logs = [facts.log_topic(place) for place in range(len(facts.chain))]
    return {
        "ingestion": [facts.topic("ingested", name) for name in facts.streams],
        "cleaning": [*logs[:1], *clean],
        "feature_engineering": [*logs[1:], *(facts.topic("features", name) for name in facts.predictions)],
        "inference": [facts.topic("predictions", name) for name in facts.predictions],
    }.get(service, [])


def _read(texts: Iterable[str]) -> Shown:
    shown: Shown = {}
    for text in texts:
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                key = (sample.name, tuple(value for _, value in sorted(sample.labels.items())))
                shown[key] = shown.get(key, 0.0) + float(sample.value)
    return shown
