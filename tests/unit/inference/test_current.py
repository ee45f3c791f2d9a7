"""Which model is in force, and what ends the service."""

from __future__ import annotations

import asyncio
from pathlib import Path
from queue import Queue

import pytest
from headrace.contract.errors import DeviceMissing, ModelError
from headrace.contract.plan import Plan
from headrace.models.registry import Registry
from headrace.runtime.lane import Waits
from headrace.runtime.pipeline_file import read_plan
from headrace.store.memory import MemoryStore
from headrace_inference.current import CurrentModels

FLIGHTS = Path(__file__).parents[3] / "examples/flights/headrace_flights/flights.yaml"


@pytest.fixture
def models(monkeypatch: pytest.MonkeyPatch) -> CurrentModels:
    """Models of a registry whose champion is version 1."""
    plan: Plan = read_plan(FLIGHTS)
    monkeypatch.setattr(Registry, "resolve", lambda *_: 1)
    return CurrentModels(plan, MemoryStore(), 1, "cuda")


async def test_a_device_that_is_missing_ends_the_service(
    models: CurrentModels, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(*_: object) -> None:
        raise DeviceMissing("no GPU")

    monkeypatch.setattr(models, "load", missing)
    with pytest.raises(DeviceMissing):
        await asyncio.wait_for(models.watch(0.01), 10)


async def test_a_bad_version_does_not(models: CurrentModels, monkeypatch: pytest.MonkeyPatch) -> None:
    # Given a champion that must not be used, and somebody who counts the looks at its alias
    looks: Queue[None] = Queue()

    def bad(*_: object) -> None:
        raise ModelError("off by one")

    def look(*_: object) -> int:
        looks.put(None)
        return 1

    monkeypatch.setattr(models, "load", bad)
    monkeypatch.setattr(Registry, "resolve", look)

    # When the aliases are followed, then the look that found it is not the last
    watching = asyncio.create_task(models.watch(0.001))
    for _ in range(3):
        await asyncio.to_thread(looks.get, timeout=10)
    assert not watching.done()
    watching.cancel()
    await asyncio.gather(watching, return_exceptions=True)


@pytest.mark.parametrize(("number", "published"), [(None, False), (1, True)])
async def test_what_is_waited_for_is_known_to_be_unpublished_or_not(
    models: CurrentModels, monkeypatch: pytest.MonkeyPatch, number: int | None, published: bool
) -> None:
    # Given a registry without a champion, or one whose champion must not be used
    looks: Queue[None] = Queue()

    def bad(*_: object) -> None:
        raise ModelError("off by one")

    def look(*_: object) -> int | None:
        looks.put(None)
        return number

    monkeypatch.setattr(models, "load", bad)
    monkeypatch.setattr(Registry, "resolve", look)
    topics = {"features": "late_at_departure"}
    assert models.missing(topics, "features") == Waits("a champion of model late_at_departure in the registry", True)

    # When it has been looked at, then what is waited for says which
    watching = asyncio.create_task(models.watch(0.001))
    for _ in range(2):
        await asyncio.to_thread(looks.get, timeout=10)
    waits = models.missing(topics, "features")
    assert waits is not None
    assert waits.published is published
    watching.cancel()
    await asyncio.gather(watching, return_exceptions=True)
