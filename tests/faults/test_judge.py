"""The judge on real parts: an undisturbed run has nothing lost, doubled, invented, changed or out of order."""

from __future__ import annotations

import json
from pathlib import Path

from headrace.local.stack import Endpoints
from headrace.models.registry import Registry
from headrace.store.s3 import S3Store
from rig.campaign.model import publish
from rig.campaign.run import PREDICTION, Oracle, as_judge, metrics_of, pipeline
from rig.judgement import CommitSampler, judge, settled
from rig.judgement.facts import facts_of
from rig.suite import Suite

SERVICES = ("ingestion", "cleaning", "feature_engineering", "inference", "lake")
QUICK = {"HEADRACE_LAKE_FLUSH_SECONDS": "2", "HEADRACE_SNAPSHOT_SECONDS": "2", "HEADRACE_MODEL_POLL_SECONDS": "0.5"}
IDS = 4_000


def test_an_undisturbed_run_is_found_without_fault(endpoints: Endpoints, tmp_path: Path) -> None:
    text = pipeline()
    facts = facts_of(text)
    store = S3Store(endpoints.store)
    commits = tmp_path / "commits.jsonl"

    # Given the campaign's pipeline with a model in force
    def model_first(suite: Suite) -> None:
        publish(suite.plan, PREDICTION, Registry(store, suite.plan.pipeline.tenant), seed=1)

    with Suite(text, endpoints, tmp_path, services=SERVICES, settings=QUICK, backlog=model_first) as suite:
        # When the oracle has sent its records, among them bad, late and repeated ones, and all has come to rest
        with CommitSampler(endpoints.kafka, facts, commits):
            prefix = f"{suite.plan.topics.prefix}.raw."
            oracle = Oracle(endpoints.kafka, prefix, tmp_path / "ledger", seed=1, rate=400, ids=IDS)
            said = oracle.done()
            waited = settled(endpoints.kafka, facts, watch=suite.expect_alive)
        assert waited.reached, waited.left
        # Then the judge, which shares no code with the suite, finds nothing wrong
        judgement = judge(
            as_judge(endpoints),
            oracle.ledger,
            facts,
            commits=commits,
            instruments=metrics_of(suite),
            logs=(tmp_path / "logs").glob("*.log"),
            processes=[service.child.pid for service in suite.services.values()],
            secrets={"the store's key": endpoints.secret_key},
        )
    print(json.dumps(judgement.to_json(5), indent=1, default=str))
    assert judgement.findings == ()
    # And it has seen everything that there is to see
    assert (judgement.issued, judgement.acknowledged, judgement.unknown) == (IDS, said["acknowledged"], 0)
    hops = judgement.hops
    for topic in facts.internal_topics():
        assert hops[topic].delivered > 0, topic
    rejected = sum(hop.rejected for hop in hops.values())
    assert rejected == hops[facts.topic("quarantine")].delivered
