"""A pipeline on real parts: topics, services as processes of their own, and ways to break them."""

from __future__ import annotations

import asyncio
import time
import urllib.request
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self

from headrace.contract.load import load_pipeline
from headrace.contract.plan import Plan, make_plan
from headrace.contract.topic_list import plan_topics
from headrace.local.service import Service
from headrace.local.stack import Endpoints
from headrace.runtime import kafka, topics
from headrace.runtime.kafka_access import KafkaAccess
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample


class Suite:
    """The services of one pipeline against a running stack; a context manager that leaves none of them behind.

    Each suite needs a tenant of its own where several share a stack: `text` is the pipeline file with that tenant.
    """

    def __init__(
        self,
        text: str,
        endpoints: Endpoints,
        folder: Path,
        *,
        services: Iterable[str],
        settings: Mapping[str, str] | None = None,
        waits_for_model: bool = False,
        backlog: Callable[[Suite], object] | None = None,
        new: bool = True,
        workers: Mapping[str, int] | None = None,
        make: Callable[..., Service] = Service,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.file = file = folder / "pipeline.yaml"
        file.write_text(text)
        self.plan: Plan = make_plan(load_pipeline(text, str(file)))
        self.endpoints = endpoints
        self._waits_for_model = waits_for_model  # inference is not ready before there is one
        self._backlog = backlog  # runs when there are topics and no services yet
        self._new = new  # else its topics are there
        self._service = partial(make, pipeline=file, endpoints=endpoints, logs=folder / "logs", settings=settings)
        counts = workers or {}  # of those services that have more than one instance
        self.services = {
            name if number == 0 else f"{name}-{number}": self._service(name, number=number)
            for name in services
            for number in range(counts.get(name, 1))
        }

    def __enter__(self) -> Self:
        if self._new:
            asyncio.run(_create_topics(self.endpoints.kafka, plan_topics(self.plan)))
        if self._backlog is not None:
            self._backlog(self)
        try:
            for service in self.services.values():
                service.start()
            for name, service in self.services.items():
                if name != "inference" or not self._waits_for_model:
                    service.wait_ready()
        except BaseException:
            self._kill()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            statuses = {name: service.stop() for name, service in self.services.items()}
            self._kill()
            assert set(statuses.values()) <= {0}, f"services did not stop cleanly: {statuses}"
        self._kill()

    def crash(self, name: str) -> None:
        """SIGKILL a service and start it again at once."""
        self.services[name].kill()
        self.services[name].start()

    def join(self, name: str) -> None:
        """Start a second instance of a service, `<name>-1`, and return once it is ready; both share the work then."""
        second = self._service(name, number=1)
        self.services[second.instance] = second
        second.start()
        second.wait_ready()

    def leave(self, name: str) -> None:
        """Let the first instance of a service hand over and end."""
        assert self.services.pop(name).stop() == 0

    def rows_told(self, name: str, outcome: str) -> float:
        """What a service's metrics say of its rows of one outcome (late, forced, …)."""
        told = (s.value for s in self.samples(name, "headrace_rows_total") if s.labels["outcome"] == outcome)
        return float(next(told, 0.0))

    def samples(self, name: str, metric: str) -> list[Sample]:
        """What a service's metrics say under one name."""
        with urllib.request.urlopen(f"{self.services[name].url}/metrics", timeout=10) as answer:
            families = text_string_to_metric_families(answer.read().decode())
            return [sample for family in families for sample in family.samples if sample.name == metric]

    def expect_alive(self) -> None:
        """Fail with the end of its log when a service has ended by itself."""
        for service in self.services.values():
            if not service.child.alive:
                raise service.child.died()

    def until(self, condition: Callable[[], bool], what: str, seconds: float = 120.0) -> None:
        """Return once the condition holds; fails when a service dies or the deadline passes."""
        deadline = time.monotonic() + seconds
        while not condition():
            self.expect_alive()
            assert time.monotonic() < deadline, f"not after {seconds:g} s: {what}"
            time.sleep(0.2)

    def _kill(self) -> None:
        for service in self.services.values():
            service.kill()


async def _create_topics(address: str, wanted: Mapping[str, int]) -> None:
    async with kafka.admin(KafkaAccess(address), 30.0) as admin:
        await topics.create(admin, wanted, 30.0)
