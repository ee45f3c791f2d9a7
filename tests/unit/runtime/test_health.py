"""Alive and ready are two questions."""

from __future__ import annotations

import socket

import aiohttp
import pytest
from headrace.contract.errors import SettingsError
from headrace.runtime.health import serve
from headrace.runtime.metrics import Metrics
from prometheus_client import CollectorRegistry


async def ask(port: int, path: str) -> tuple[int, str]:
    async with aiohttp.ClientSession() as client, client.get(f"http://127.0.0.1:{port}{path}") as answer:
        return answer.status, await answer.text()


async def test_a_service_that_is_not_ready_is_alive() -> None:
    async with serve("127.0.0.1", 0, lambda: "waiting for partitions", CollectorRegistry()) as port:
        assert await ask(port, "/healthz") == (200, "alive\n")
        assert await ask(port, "/readyz") == (503, "waiting for partitions\n")


async def test_a_service_is_ready_when_nothing_is_missing() -> None:
    async with serve("127.0.0.1", 0, lambda: None, CollectorRegistry()) as port:
        assert await ask(port, "/readyz") == (200, "ready\n")


async def test_what_nobody_has_made_yet_can_be_left_out_of_account() -> None:
    # Given a service that waits for a model alone
    waits = {"unpublished": lambda: None}
    async with serve("127.0.0.1", 0, lambda: "a champion of model m", CollectorRegistry(), but=waits) as port:
        # Then it is not ready, but has come up
        assert await ask(port, "/readyz") == (503, "a champion of model m\n")
        assert await ask(port, "/readyz?exclude=unpublished") == (200, "ready\n")
        assert await ask(port, "/readyz?exclude=something") == (503, "a champion of model m\n")


async def test_metrics_are_shown() -> None:
    metrics = Metrics(CollectorRegistry())
    metrics.messages_in.labels("in", "0").inc(3)
    async with serve("127.0.0.1", 0, lambda: None, metrics.registry) as port:
        _, text = await ask(port, "/metrics")
    assert 'headrace_messages_in_total{partition="0",topic="in"} 3.0' in text


async def test_a_port_that_is_taken_names_the_setting() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(SettingsError, match=rf"127\.0\.0\.1:{port}.*HEADRACE_HTTP_PORT"):
            async with serve("127.0.0.1", port, lambda: None, CollectorRegistry()):
                pass
