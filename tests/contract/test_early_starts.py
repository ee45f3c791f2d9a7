"""A service that begins before anything it needs is there: it waits for each in turn, says so, and can be stopped."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from headrace.local.service import Service
from headrace.local.stack import Stack
from headrace.local.topics import create_topics
from headrace.local.up import read_pipeline
from headrace.runtime.exits import Exit
from rig.flights import pipeline
from rig.proxy import HttpFault, ProxyThread, TcpFault
from rig.toy_services import until

NO_KAFKA = TcpFault("cut")
NO_STORE = HttpFault("down")
STEP_SECONDS = 60.0


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """The flights, for a tenant of this test's own; no topic is there yet."""
    file = tmp_path / "flights.yaml"
    file.write_text(pipeline())
    return file


@pytest.fixture
def between(stack: Stack) -> Iterator[ProxyThread]:
    """The way to the stack's Kafka and S3 server, both cut."""
    kafka, s3 = (int(place.rpartition(":")[2]) for place in (stack.endpoints.kafka, stack.endpoints.s3))
    with ProxyThread(kafka=lambda: kafka, s3=lambda: s3, doors=["cleaning"], seed=1) as proxy:
        proxy.break_(NO_KAFKA)
        proxy.break_(NO_STORE)
        yield proxy


@pytest.fixture
def early(stack: Stack, between: ProxyThread, file: Path, tmp_path: Path) -> Iterator[Service]:
    """A service that goes this way, and has met no Kafka."""
    service = Service(
        "cleaning",
        pipeline=file,
        endpoints=stack.endpoints,
        logs=tmp_path,
        settings={
            "HEADRACE_KAFKA": f"127.0.0.1:{between.kafka_port}",
            "HEADRACE_S3_ENDPOINT": f"http://127.0.0.1:{between.s3_ports['cleaning']}",
            "HEADRACE_START_SECONDS": "120",
        },
    )
    service.start()
    try:
        wait_until_it_says(service, "cannot reach Kafka at 127.0.0.1:")
        yield service
    finally:
        service.kill()


def wait_until_it_says(service: Service, why: str) -> None:
    """Return when this is why it is not ready."""
    until(lambda: not service.child.alive or why in (service.not_ready() or ""), why, STEP_SECONDS)
    assert service.child.alive, service.child.log.read_text()


def test_it_goes_on_with_each_thing_that_comes(early: Service, between: ProxyThread, file: Path) -> None:
    # Given a service that waits for Kafka; when that is there, then it waits for its topics
    between.heal(NO_KAFKA)
    wait_until_it_says(early, "these topics do not exist: ")
    # When they are made, then it waits for the store
    create_topics(f"127.0.0.1:{between.kafka_port}", read_pipeline(file).topics)
    wait_until_it_says(early, "LIST snapshots/cleaning/")
    # When that is there, then it is ready
    between.heal(NO_STORE)
    early.wait_ready()


def test_it_can_be_stopped_while_it_waits(early: Service) -> None:
    # Given a service that waits, when it is told to stop, then it does so at once
    assert early.stop() == Exit.DONE
    assert "stopped before it began" in early.child.log.read_text().splitlines()[-1]
