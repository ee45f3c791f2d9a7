"""Our choice of partition is the one that Kafka's own producers make, so a key has one home whoever writes it."""

from __future__ import annotations

import pyarrow as pa
from confluent_kafka import Producer
from headrace.local.stack import Stack
from headrace.local.topics import create_topics
from headrace.wire.partitioner import partition_of
from rig.judge import read_all

PARTITIONS = 7
KEYS = ["", "a", "JFK", "N14228", "Zürich", "東京", "x" * 300, *(f"user-{number:08d}" for number in range(500))]


def test_a_key_goes_where_librdkafka_sends_it(stack: Stack, prefix: str) -> None:
    # Given a topic, and a producer that chooses partitions as Kafka's Java client does (murmur2)
    create_topics(stack.endpoints.kafka, {prefix: PARTITIONS})
    producer = Producer({"bootstrap.servers": stack.endpoints.kafka, "partitioner": "murmur2_random"})
    # When it sends a record for each key
    for key in KEYS:
        producer.produce(prefix, key=key.encode(), value=key.encode())
    assert producer.flush(30) == 0
    # Then each lies in the partition that we would have chosen
    found = {
        (message.value() or b"").decode(): message.partition() for message in read_all(stack.endpoints.kafka, prefix)
    }
    chosen = partition_of(pa.array(KEYS), pa.array([0] * len(KEYS)), PARTITIONS)
    assert found == dict(zip(KEYS, chosen.tolist(), strict=True))
