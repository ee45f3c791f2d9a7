"""A consumer under the supervisor of development clusters, on a real Kafka: a saved file costs no row."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from confluent_kafka import Producer
from headrace.contract.load import load_pipeline
from headrace.contract.plan import Plan, make_plan
from headrace.contract.topic_list import plan_topics
from headrace.local.child import Child
from headrace.local.places import PROJECT_ROOT
from headrace.local.ports import LOOPBACK, choose
from headrace.local.probes import not_ready
from headrace.local.stack import Stack
from headrace.local.topics import create_topics
from headrace.runtime import kafka
from headrace.runtime.kafka_access import KafkaAccess
from headrace.runtime.readers import group_name
from rig.judge import ends, judge

_SECONDS = 60.0
_RESTART_SECONDS = 2.0  # from the end of the drain to ready, of processor time: others may be at work on this machine
# As in docker/Dockerfile's target `dev`; pandas, which no image has, is what pyarrow imports where it can.
IMPORTS = [*re.findall(r"--import=([\w.]+)", (PROJECT_ROOT / "docker" / "Dockerfile").read_text()), "pandas"]
FILE = """\
headrace: 1
name: reload
partitions: 2
streams:
  departures:
    event_time: off_block
    columns: {off_block: timestamp, origin: string}
"""


class Reloaded:
    """Ingestion from a copy of its sources, under the supervisor."""

    def __init__(self, stack: Stack, folder: Path) -> None:
        self.kafka = stack.endpoints.kafka
        self.plan: Plan = make_plan(load_pipeline(FILE, "pipeline.yaml"))
        (folder / "pipeline.yaml").write_text(FILE)
        self.sources = folder / "code"
        for member in ("libs/headrace/headrace", "services/ingestion/headrace_ingestion"):
            shutil.copytree(PROJECT_ROOT / member, self.sources / Path(member).name)
        self.port = choose()
        service = ["-m", "headrace_ingestion"]
        environment = {
            **os.environ,
            **stack.endpoints.environment,
            "PYTHONPATH": str(self.sources),
            "HEADRACE_PIPELINE": str(folder / "pipeline.yaml"),
            "HEADRACE_HTTP_HOST": LOOPBACK,
            "HEADRACE_HTTP_PORT": str(self.port),
            "HEADRACE_INSTANCE": "ingestion-0",
        }
        imports = [f"--import={name}" for name in IMPORTS]
        program = [sys.executable, "-m", "headrace_reload", *imports, str(self.sources), "--", *service]
        self.child = Child("reload", program, log=folder / "reload.log", environment=environment)

    def ready(self) -> bool:
        return not_ready(f"http://{LOOPBACK}:{self.port}") is None

    def said(self, words: str) -> int:
        """How often its log has these words."""
        return self.child.log.read_text().count(words)

    def committed(self) -> int:
        """The sum of the offsets that its group has committed."""

        async def ask() -> int:
            async with kafka.admin(KafkaAccess(self.kafka), 15.0) as admin:
                offsets = await admin.list_consumer_group_offsets(group_name(self.plan, "ingestion"))
                return sum(told.offset for told in offsets.values())

        return asyncio.run(ask())

    def worked(self) -> float:
        """Seconds of processor time of the supervisor's children that run."""
        return sum(sum(child.cpu_times()[:2]) for child in psutil.Process(self.child.pid).children())

    def send(self, count: int) -> None:
        """Send events, one record each."""
        producer = Producer({"bootstrap.servers": self.kafka, "acks": "all"})
        for number in range(count):
            event = f'{{"off_block": "2013-01-01T00:00:{number % 60:02}Z", "origin": "JFK"}}'
            producer.produce(self.plan.topics.raw("departures"), event.encode(), partition=number % 2)
        assert producer.flush(30) == 0

    def until(self, condition: Callable[[], bool]) -> float:
        """Wait for a condition; returns when it was met."""
        deadline = time.monotonic() + _SECONDS
        while not condition():
            assert self.child.alive, self.child.died()
            assert time.monotonic() < deadline, self.child.last_lines()
            time.sleep(0.02)
        return time.monotonic()

    def ingested(self) -> int:
        return judge(self.kafka, self.plan.topics.ingested("departures")).rows.total()


@pytest.fixture
def reloaded(stack: Stack, tmp_path: Path) -> Iterator[Reloaded]:
    running = Reloaded(stack, tmp_path)
    create_topics(running.kafka, plan_topics(running.plan))
    running.child.start()
    try:
        running.until(running.ready)
        yield running
    finally:
        running.child.stop(30)
        running.child.kill()


def test_a_saved_source_reloads_a_running_consumer(reloaded: Reloaded) -> None:
    # Given a consumer that has ingested some rows
    reloaded.send(1000)
    reloaded.until(lambda: reloaded.ingested() == 1000)
    reloaded.until(lambda: reloaded.said("the next start is ready") == 1)
    # When one of its sources is saved
    with (reloaded.sources / "headrace_ingestion" / "stage.py").open("a") as source:
        source.write("\n# saved\n")
    drained = reloaded.until(lambda: reloaded.said("started again") == 1)
    before = reloaded.worked()
    # Then it has drained, its offset is committed to the end, and it is at work again after less than two seconds
    restart = reloaded.until(reloaded.ready) - drained
    work = reloaded.worked() - before
    print(f"ready {restart:.2f} s after it had drained, {work:.2f} s of them at work")
    assert "exit status 0" in reloaded.child.log.read_text()
    assert reloaded.committed() == sum(ends(reloaded.kafka, reloaded.plan.topics.raw("departures")).values()) == 1000
    assert work < _RESTART_SECONDS
    # And what comes next is ingested, nothing twice
    reloaded.send(500)
    reloaded.until(lambda: reloaded.ingested() >= 1500)
    verdict = judge(reloaded.kafka, reloaded.plan.topics.ingested("departures"))
    assert (verdict.rows.total(), verdict.doubled) == (1500, 0)
