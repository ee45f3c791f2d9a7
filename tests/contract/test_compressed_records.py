"""Producers compress as they like: whatever Kafka's clients can write, ingestion reads."""

from __future__ import annotations

from collections import Counter
from hashlib import sha256
from pathlib import Path

import pytest
from confluent_kafka import Producer
from headrace.local.stack import Stack
from rig.judge import judge
from rig.suite import Suite

FILE = """\
headrace: 1
name: {name}
partitions: 1
streams:
  visits:
    event_time: at
    columns: {{at: timestamp, page: string}}
"""


@pytest.mark.parametrize("codec", ["gzip", "snappy", "lz4", "zstd"])
def test_compressed_records_are_read(stack: Stack, prefix: str, tmp_path: Path, codec: str) -> None:
    text = FILE.format(name=f"p{sha256(prefix.encode()).hexdigest()[:12]}")
    with Suite(text, stack.endpoints, tmp_path, services=["ingestion"]) as suite:
        # Given records in one compressed batch
        producer = Producer({"bootstrap.servers": stack.endpoints.kafka, "compression.type": codec, "linger.ms": 500})
        for number in range(100):
            value = b'{"at": "2025-01-01T00:00:00Z", "page": "%d"}' % number
            producer.produce(suite.plan.topics.raw("visits"), value)
        assert producer.flush(30) == 0

        # Then each is a row
        def rows() -> Counter[tuple[int, int, int]]:
            return judge(stack.endpoints.kafka, suite.plan.topics.ingested("visits")).rows

        suite.until(lambda: rows().total() == 100, "100 rows", 60.0)
        assert rows() == Counter((0, offset, 0) for offset in range(100))
