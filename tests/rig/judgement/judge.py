"""The judge: gathers the evidence from Kafka, the store and the ledger, and weighs it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from rig.judgement.commits import read_samples
from rig.judgement.endpoints import Endpoints
from rig.judgement.evidence import Evidence
from rig.judgement.facts import Facts
from rig.judgement.kafka_reader import KafkaReader, snapshot_of_groups
from rig.judgement.secrecy import texts_of
from rig.judgement.store_reader import StoreReader
from rig.judgement.verdict import ORPHAN_SECONDS, weigh
from rig.judgement.words import Finding, Judgement
from rig.oracle.ledger import read_ledger


def judge(
    endpoints: Endpoints,
    ledger: Path,
    facts: Facts,
    *,
    commits: Path | None = None,
    instruments: Mapping[str, Sequence[str]] | None = None,
    logs: Iterable[Path] = (),
    processes: Iterable[int] = (),
    secrets: Mapping[str, str] | None = None,
    extra: Sequence[Finding] = (),
    orphan_seconds: float = ORPHAN_SECONDS,
) -> Judgement:
    """Judge a run that has settled.

    `ledger` is the oracle's folder, `commits` the file of a CommitSampler, `instruments` service → the text of /metrics
    of each instance, for services that were never restarted. `secrets` (name → value) must not stand in the `logs`, the
    metrics, quarantine or the command lines of `processes`. `extra` are findings of others: zombies, liveness, memory.
    """
    evidence = gather(endpoints, ledger, facts, commits=commits)
    evidence.instruments = {service: list(texts) for service, texts in (instruments or {}).items()}
    evidence.secrets = dict(secrets or {})
    evidence.texts = dict(texts_of(logs, processes))
    evidence.extra = list(extra)
    return weigh(evidence, facts, orphan_seconds=orphan_seconds)


def gather(endpoints: Endpoints, ledger: Path, facts: Facts, *, commits: Path | None = None) -> Evidence:
    """Everything that Kafka, the store and the ledger have to say."""
    raw = [facts.topic("raw", name) for name in facts.streams]
    topics = [*raw, *facts.internal_topics()]
    with KafkaReader(endpoints.kafka) as reader:
        evidence = Evidence(
            ledger=read_ledger(ledger),
            topics=reader.records(topics),
            committed=snapshot_of_groups(reader, facts),
            ends=reader.ends(reader.partitions(topics)),
            topic_ids=reader.topic_ids(topics),
            samples=read_samples(commits) if commits is not None else [],
        )
    store = StoreReader(endpoints)
    try:
        evidence.models = store.models(facts)
        evidence.snapshots = store.snapshots(facts)
        evidence.tables = store.tables(facts)
    finally:
        store.close()
    evidence.gathered = datetime.now(UTC)
    return evidence
