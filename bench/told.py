"""What a running service tells of itself at /metrics, and waiting until it has told enough."""

from __future__ import annotations

import time
import urllib.request
from collections.abc import Callable, Iterable, Iterator

from headrace.local.service import Service
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

_PAUSE = 0.1
_DEADLINE = 300.0


def rows_done(service: Service) -> int:
    """Rows that have left a service for good: acknowledged by Kafka, or written to the lake."""
    if service.name == "lake":
        return _sum(service, "headrace_rows_total", lambda sample: sample.labels["outcome"] == "written")
    return _sum(service, "headrace_rows_out_total")


def rows_to(service: Service, topic: str) -> int:
    """Rows that it has sent to a topic."""
    return _sum(service, "headrace_rows_out_total", lambda sample: sample.labels["topic"] == topic)


def rows_per_message(service: Service, topic: str) -> float:
    """How full its messages to a topic are, those that only tell its progress included."""
    sent = _sum(service, "headrace_messages_out_total", lambda sample: sample.labels["topic"] == topic)
    return rows_to(service, topic) / max(sent, 1)


def bytes_taken(service: Service) -> int:
    """Bytes of the messages that it has taken."""
    return _sum(service, "headrace_bytes_in_total")


def wait_until(done: Callable[[], bool], what: str, services: Iterable[Service]) -> None:
    """Return once it is so. Raises StackError when a service has ended by itself, TimeoutError after five minutes."""
    services = list(services)
    deadline = time.monotonic() + _DEADLINE
    while not done():
        for service in services:
            if not service.child.alive:
                raise service.child.died()
        if time.monotonic() > deadline:
            raise TimeoutError(f"not after {_DEADLINE:.0f} s: {what}")
        time.sleep(_PAUSE)


def _sum(service: Service, name: str, wanted: Callable[[Sample], bool] = lambda _: True) -> int:
    return int(sum(sample.value for sample in _samples(service) if sample.name == name and wanted(sample)))


def _samples(service: Service) -> Iterator[Sample]:
    with urllib.request.urlopen(f"{service.url}/metrics", timeout=10) as answer:
        for family in text_string_to_metric_families(answer.read().decode()):
            yield from family.samples
