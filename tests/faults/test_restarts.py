"""Rolling restarts under load and snapshots that are no longer what was saved: nothing lost, nothing doubled."""

from __future__ import annotations

from pathlib import Path

import pytest
from headrace.local.stack import Endpoints
from headrace.models.registry import Registry
from headrace.store.s3 import S3Store
from rig.campaign.model import publish
from rig.campaign.run import PREDICTION, Oracle, as_judge, pipeline
from rig.judgement import CommitSampler, judge, settled
from rig.judgement.facts import facts_of
from rig.suite import Suite

SERVICES = ("ingestion", "cleaning", "feature_engineering", "inference", "lake")
WITH_STATE = ("cleaning", "feature_engineering", "inference")
QUICK = {"HEADRACE_LAKE_FLUSH_SECONDS": "2", "HEADRACE_SNAPSHOT_SECONDS": "1", "HEADRACE_MODEL_POLL_SECONDS": "0.5"}
RATE = 20.0  # records a second


@pytest.mark.timeout(900)  # fifteen starts, one after the other, and two cores that may be shared
def test_two_rolling_restarts_and_spoiled_snapshots(endpoints: Endpoints, tmp_path: Path) -> None:
    text = pipeline()
    facts = facts_of(text)
    store = S3Store(endpoints.store)

    def model_first(suite: Suite) -> None:
        publish(suite.plan, PREDICTION, Registry(store, suite.plan.pipeline.tenant), seed=2)

    # Given all services at work on what the oracle sends
    with Suite(text, endpoints, tmp_path, services=SERVICES, settings=QUICK, backlog=model_first) as suite:
        oracle = Oracle(endpoints.kafka, f"{suite.plan.topics.prefix}.raw.", tmp_path / "ledger", seed=2, rate=RATE)
        with CommitSampler(endpoints.kafka, facts, tmp_path / "commits.jsonl"):
            # When each service is restarted twice, one after the other
            for name in SERVICES * 2:
                service = suite.services[name]
                assert service.stop() == 0, name
                service.start()
                service.wait_ready()
            # And snapshots are cut short, changed in one bit and lost while their services are down
            for name in WITH_STATE:
                assert suite.services[name].stop() == 0, name
                assert spoil(store, f"snapshots/{name}/{suite.plan.topics.prefix}.") > 2
                suite.services[name].start()
                suite.services[name].wait_ready()
            oracle.end()
            waited = settled(endpoints.kafka, facts, watch=suite.expect_alive)
        assert waited.reached, waited.left
        # Then the damage was seen and passed over
        for name in WITH_STATE:
            assert "a snapshot was passed over" in suite.services[name].child.log.read_text(), name
        # And the judge finds nothing wrong
        judgement = judge(as_judge(endpoints), oracle.ledger, facts, commits=tmp_path / "commits.jsonl")
    assert judgement.findings == ()
    assert judgement.acknowledged == judgement.issued > 200


def spoil(store: S3Store, prefix: str) -> int:
    """Damage of each partition's snapshots the newest, each in another way; returns how many partitions had any."""
    newest: dict[str, str] = {}
    for entry in store.list(prefix):
        newest[entry.key.rpartition("/")[0]] = entry.key
    for number, (partition, key) in enumerate(sorted(newest.items())):
        body = store.get(key).body
        match number % 4:
            case 0:
                store.put(key, body[: len(body) // 2])
            case 1:
                middle = len(body) // 2
                store.put(key, body[:middle] + bytes([body[middle] ^ 1]) + body[middle + 1 :])
            case 2:
                store.put(key, b"")
            case _:
                for entry in list(store.list(f"{partition}/")):
                    store.delete(entry.key)
    return len(newest)
