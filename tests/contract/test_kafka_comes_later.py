"""A service that begins before its Kafka is there: it waits, says so, and can be stopped meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from importlib import resources
from pathlib import Path

import pytest
from headrace.local.service import Service
from headrace.local.stack import Stack
from headrace.runtime.exits import Exit
from rig.proxy import ProxyThread, TcpFault
from rig.toy_services import until

AWAY = TcpFault("cut")
WAITS = "; trying again"
STEP_SECONDS = 60.0


@pytest.fixture
def between(stack: Stack) -> Iterator[ProxyThread]:
    """A way to the stack's Kafka that is cut at first."""
    kafka_port = int(stack.endpoints.kafka.rpartition(":")[2])
    with ProxyThread(kafka=lambda: kafka_port, s3=lambda: 0, doors=(), seed=1) as proxy:
        proxy.break_(AWAY)
        yield proxy


@pytest.fixture
def early(stack: Stack, between: ProxyThread, tmp_path: Path, prefix: str) -> Iterator[Service]:
    """Cleaning of the flights, for a pipeline whose topics nobody has made; it has met a Kafka that is away."""
    text = resources.files("headrace_flights").joinpath("flights.yaml").read_text()
    pipeline = tmp_path / "flights.yaml"
    tenant = f"t{sha256(prefix.encode()).hexdigest()[:12]}"
    pipeline.write_text(text.replace("headrace: 1", f"headrace: 1\ntenant: {tenant}"))
    service = Service(
        "cleaning",
        pipeline=pipeline,
        endpoints=stack.endpoints,
        logs=tmp_path,
        settings={"HEADRACE_KAFKA": f"127.0.0.1:{between.kafka_port}"},
    )
    service.start()
    try:
        until(lambda: not service.child.alive or WAITS in service.child.log.read_text(), "it began", STEP_SECONDS)
        assert service.child.alive, service.child.log.read_text()
        yield service
    finally:
        service.kill()


def test_it_goes_on_when_kafka_comes(early: Service, between: ProxyThread) -> None:
    # Given a service that waits; when Kafka is there, then it asks for its topics, and it is these that it misses now
    assert early.not_ready() == "starting"
    between.heal(AWAY)
    assert early.child.wait(STEP_SECONDS) == Exit.USER
    assert "these topics do not exist: " in early.child.log.read_text().splitlines()[-1]


def test_it_can_be_stopped_while_it_waits(early: Service) -> None:
    # Given a service that waits, when it is told to stop, then it does not wait for Kafka first
    assert early.stop() == Exit.DONE
    assert "stopped before it began" in early.child.log.read_text().splitlines()[-1]
