"""A run in memory, with crashes, that every test may spoil as it likes."""

from __future__ import annotations

import pickle

import pytest
from rig.campaign.in_memory import World
from rig.campaign.run import PIPELINE
from rig.judgement.evidence import Evidence
from rig.judgement.facts import Facts, read_facts

IDS = 240
CRASHES = 12


@pytest.fixture(scope="session")
def facts() -> Facts:
    return read_facts(PIPELINE)


@pytest.fixture(scope="session")
def world(facts: Facts) -> World:
    return World(PIPELINE.read_text(encoding="utf-8"), facts, seed=5, ids=IDS, crashes=CRASHES)


@pytest.fixture(scope="session")
def kept(world: World) -> bytes:
    return pickle.dumps(world.evidence())


@pytest.fixture
def evidence(kept: bytes) -> Evidence:
    """A copy of its own for each test."""
    found: Evidence = pickle.loads(kept)
    return found
