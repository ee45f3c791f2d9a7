"""W1 made ready in a running stack: a tenant's pipeline file and topics, its model, its backlog of raw records."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from confluent_kafka import KafkaError, Message, Producer
from headrace.cli.pipeline import create_missing, read_plan
from headrace.contract.plan import Plan
from headrace.local.service import Service
from headrace.local.stack import Endpoints, Stack
from headrace.models.registry import Registry
from headrace.store.s3 import S3Settings, S3Store

from w1.events import events, good_of
from w1.model import publish_model

_FILE = Path(__file__).with_name("w1.yaml")
SETTINGS = {"HEADRACE_LAKE_FLUSH_SECONDS": "5"}  # three times as often as by default: a run lasts seconds
STREAM = "events"
PREDICTION = "purchase"


def outputs(plan: Plan) -> dict[str, str]:
    """The topic that each service sends its rows to, in the order of the rows' path."""
    topics = plan.topics
    return {
        "ingestion": topics.ingested(STREAM),
        "cleaning": topics.log("user_id"),
        "feature_engineering": topics.features(PREDICTION),
        "inference": topics.predictions(PREDICTION),
    }


@dataclass(frozen=True, slots=True)
class Backlog:
    """Raw records that wait: how many, how many of them are not broken, and their bytes."""

    records: int
    good: int
    size: int


class Place:
    """One tenant's W1."""

    def __init__(self, stack: Stack, folder: Path, tenant: str) -> None:
        folder.mkdir()
        file = folder / "w1.yaml"
        file.write_text(_FILE.read_text().replace("name: w1\n", f"name: w1\ntenant: {tenant}\n", 1))
        self.stack = stack
        self.folder = folder
        self.endpoints: Endpoints = stack.endpoints
        self.plan: Plan = read_plan(file)
        self.service = partial(
            Service, pipeline=file, endpoints=self.endpoints, logs=folder / "logs", settings=SETTINGS
        )
        asyncio.run(create_missing(self.endpoints.broker, self.plan))

    @property
    def store(self) -> S3Settings:
        """Where the lake and the models are."""
        at = self.endpoints
        return S3Settings(at.s3, at.bucket, at.access_key, at.secret_key)

    def publish(self) -> bytes:
        """Train and publish the model; returns the ONNX bytes."""
        return publish_model(self.plan, Registry(S3Store(self.store), self.plan.pipeline.tenant))

    def fill(self, count: int, seed: int = 1) -> Backlog:
        """Send `count` events to the raw topic, keyed by user, and wait for every acknowledgement."""
        producer = Producer(
            {
                "bootstrap.servers": self.endpoints.kafka,
                "acks": "all",
                "enable.idempotence": True,
                "linger.ms": 20,
                "queue.buffering.max.messages": 50_000,
            }
        )
        topic, size = self.plan.topics.raw(STREAM), 0
        for frame in events(count, seed):
            size += int(frame["value"].bin.size().sum())
            for key, value in frame.iter_rows():
                _send(producer, topic, key, value)
        assert producer.flush(60) == 0, "the broker has not acknowledged every record within 60 s"
        return Backlog(count, good_of(count), size)


def _send(producer: Producer, topic: str, key: bytes, value: bytes) -> None:
    while True:
        try:
            producer.produce(topic, value, key, on_delivery=_expect_delivery)
            producer.poll(0)
            return
        except BufferError:
            producer.poll(0.05)


def _expect_delivery(error: KafkaError | None, _: Message) -> None:
    assert error is None, f"a record was not delivered: {error}"
