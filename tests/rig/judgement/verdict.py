"""From evidence to a judgement: pure, so that it can be judged itself."""

from __future__ import annotations

from collections.abc import Mapping

from rig.judgement.accounts import judge_accounts
from rig.judgement.commits import judge_commits
from rig.judgement.content import Content, content_of
from rig.judgement.evidence import Evidence
from rig.judgement.facts import Facts
from rig.judgement.feature_hops import judge_features
from rig.judgement.instruments import judge_instruments
from rig.judgement.lake import judge_lake
from rig.judgement.raw_hop import judge_raw
from rig.judgement.rejections import judge_quarantine
from rig.judgement.rows_hops import judge_rows
from rig.judgement.scores import judge_scores
from rig.judgement.secrecy import judge_secrecy
from rig.judgement.words import Book, Judgement

ORPHAN_SECONDS = 0.0
"""How old an object that no commit lists may be; where nothing was killed there is none."""


def weigh(evidence: Evidence, facts: Facts, *, orphan_seconds: float = ORPHAN_SECONDS) -> Judgement:
    """Judge every invariant that follows from the evidence alone."""
    book = Book()
    sent = judge_raw(evidence, facts, book)
    contents: Mapping[str, Content] = {
        topic: content_of(topic, evidence.topics[topic], book) for topic in facts.internal_topics()
    }
    rows = judge_rows(evidence, facts, contents, book)
    counts = judge_features(facts, contents, book)
    unscorable = judge_scores(evidence, facts, contents, book)
    quarantine = contents[facts.topic("quarantine")]
    judge_quarantine(quarantine, [*rows.rejected, *unscorable], book, facts.partitions)
    judge_accounts(facts, contents, rows, book)
    judge_commits(evidence, facts, contents, book)
    judge_lake(evidence, facts, contents, book, orphan_seconds)
    judge_instruments(evidence, facts, contents, rows, counts, book)
    judge_secrecy(evidence, quarantine, book)
    book.extend(evidence.extra)
    ledger = evidence.ledger
    return Judgement(
        issued=len(ledger.ids),
        acknowledged=len(ledger.acknowledged),
        unknown=sent.unknown,
        unknown_there=sent.unknown_there,
        hops=book.hops,
        findings=tuple(book.findings),
    )
