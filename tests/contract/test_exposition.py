"""What the services tell Prometheus is as its own tool wants it."""

from __future__ import annotations

import urllib.error
import urllib.request
from pathlib import Path

from confluent_kafka import Producer
from headrace.local.stack import Stack
from rig.promtool import complaints
from rig.suite import Suite

SERVICES = ("ingestion", "cleaning", "feature_engineering", "inference", "lake")
FILE = """\
headrace: 1
name: told
partitions: 1
streams:
  orders:
    event_time: at
    columns: {id: string, at: timestamp, shop: string, amount: float32}
features:
  by_shop:
    from: orders
    key: [shop]
    hop: 1m
    windows: [1h]
    values: {amount: [sum]}
predictions:
  fraud:
    on: orders
    key: id
    inputs: [amount]
    features: [by_shop]
    model: fraud
"""


def has_come_up(url: str) -> bool:
    """Whether a service has come up, but for a model that nobody has published."""
    try:
        with urllib.request.urlopen(f"{url}/readyz?exclude=unpublished", timeout=10) as answer:
            return bool(answer.status == 200)
    except urllib.error.URLError:
        return False


def test_promtool_has_nothing_against_the_metrics_of_any_service(stack: Stack, tmp_path: Path) -> None:
    # Given all services at work
    with Suite(FILE, stack.endpoints, tmp_path, services=SERVICES, waits_for_model=True) as suite:
        producer = Producer({"bootstrap.servers": suite.endpoints.kafka, "acks": "all"})
        order = b'{"id": "o1", "at": "2025-01-01T00:00:00Z", "shop": "s", "amount": 1}'
        producer.produce(suite.plan.topics.raw("orders"), order)
        assert producer.flush(30) == 0
        suite.until(lambda: bool(suite.samples("lake", "headrace_rows_total")), "a row has gone to the lake")
        suite.until(lambda: has_come_up(suite.services["inference"].url), "inference has come up")
        assert not suite.services["inference"].ready
        # Then Prometheus would have no complaint
        assert {name: complaints(f"{suite.services[name].url}/metrics", print) for name in SERVICES} == dict.fromkeys(
            SERVICES, ""
        )
