"""The suite on a real node: its own images, its own manifests, Kafka and the S3 server as pods beside it."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from headrace.local.places import state_folder
from rig.cluster.kube import wait_for
from rig.cluster.report import Scenario
from rig.deployed.deployment import SYSTEM, TENANT, Deployment, deployed

pytestmark = [pytest.mark.node, pytest.mark.timeout(1500)]

RECORDS = 74_282  # of February: 24,951 departures among them
DEPARTURES = 24_951
WORKLOADS = {
    "ingestion": "Deployment",
    "cleaning": "Deployment",
    "feature-engineering": "StatefulSet",
    "inference": "Deployment",
    "lake": "Deployment",
}


@pytest.fixture(scope="module")
def deployment() -> Iterator[Deployment]:
    """The local overlay, for all scenarios of this module, which build on each other in their order."""
    with deployed(state_folder() / "cluster-suite", print) as deployment:
        yield deployment


def counts(deployment: Deployment, *tables: str) -> dict[str, list[int]]:
    told: dict[str, list[int]] = json.loads(deployment.inside("rig.deployed.count", *tables))
    return told


def test_flights_go_through_real_pods_exactly_once(deployment: Deployment, scenario: Scenario) -> None:
    # Given a month of flights, sent as fast as the broker takes them
    began = time.monotonic()
    assert int(deployment.inside("rig.deployed.feed", "0", "0")) == RECORDS

    # When the pods have woken up and worked it off
    tables = ("ingested/departures", "features/late_at_departure", "quarantine/all")

    def done() -> bool:
        return counts(deployment, *tables)["features/late_at_departure"][0] >= DEPARTURES

    wait_for(done, "all features are in the lake", 600.0)
    scenario.figures["seconds to the lake"] = round(time.monotonic() - began, 1)

    # Then every row is there once
    found = counts(deployment, *tables)
    assert found["features/late_at_departure"] == [DEPARTURES, DEPARTURES]
    assert found["ingested/departures"][0] == found["ingested/departures"][1]
    scenario.figures["rows"] = {table: rows for table, (rows, _) in found.items()}
