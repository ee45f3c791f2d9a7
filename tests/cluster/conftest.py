"""One Kubernetes for all of these tests: the rig's own, or the one named by KUBECONFIG; a namespace for each test.

Every test is a scenario of `.headrace/cluster/report.json`.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Generator, Iterator, Sequence
from itertools import count
from pathlib import Path

import pytest
from headrace.local.lock import holder_of
from headrace.local.places import state_folder
from rig.cluster.cluster import Cluster
from rig.cluster.kube import Kube, wait_for
from rig.cluster.own_images import SHELL_IMAGE
from rig.cluster.report import Report, Scenario
from rig.cluster.start import running

REPORT = Report(state_folder() / "cluster" / "report.json")
_scenario = pytest.StashKey[Scenario]()
_numbers = count(1)


@pytest.fixture(scope="session")
def archives() -> Sequence[Path]:
    """Archives of images that the node shall have besides its own."""
    return ()


@pytest.fixture(scope="session")
def own_cluster(request: pytest.FixtureRequest, archives: Sequence[Path]) -> Iterator[Cluster | None]:
    """The rig's own cluster, with a node when a test of this session needs one.

    With a KUBECONFIG: the one that `make cluster-up` has left, or None where it names a cluster that is not the rig's.
    """
    if named := os.environ.get("KUBECONFIG"):
        folder = Path(named).resolve().parent
        yield Cluster(folder) if holder_of(folder) is not None else None
        return
    node = any(item.get_closest_marker("node") for item in request.session.items)
    with running(state_folder() / "cluster-test", node=node, archives=archives, say=print) as cluster:
        yield cluster


@pytest.fixture(scope="session")
def control_plane(own_cluster: Cluster | None) -> Iterator[Kube]:
    """The cluster's API, as its administrator."""
    kubeconfig = own_cluster.kubeconfig if own_cluster is not None else Path(os.environ["KUBECONFIG"])
    with contextlib.closing(Kube(kubeconfig)) as kube:
        yield kube


@pytest.fixture
def rig(own_cluster: Cluster | None) -> Cluster:
    """The rig's own cluster, for what no other cluster offers."""
    if own_cluster is None:
        pytest.skip("this scenario reaches into the rig's own cluster, and KUBECONFIG names another one")
    return own_cluster


@pytest.fixture
def namespace(request: pytest.FixtureRequest, control_plane: Kube) -> Iterator[str]:
    """A namespace of this test's own, in which pods may be created at once."""
    words = re.sub("[^a-z0-9]+", "-", request.node.name.lower().removeprefix("test_")).strip("-")
    name = f"test-{words[:40].strip('-')}-{os.getpid()}-{next(_numbers)}"
    control_plane.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    # A pod made before there is a service account is refused.
    wait_for(lambda: control_plane.find("v1/ServiceAccount", "default", name), "the default service account")
    yield name
    control_plane.delete("v1/Namespace", name)


@pytest.fixture
def shell_image(own_cluster: Cluster | None) -> str:
    """An image with busybox at /bin/sh."""
    return SHELL_IMAGE if own_cluster is not None else "docker.io/library/busybox:1.36"


@pytest.fixture
def scenario(request: pytest.FixtureRequest) -> Scenario:
    """This test's entry in the report, for figures."""
    item: pytest.Item = request.node
    return item.stash.setdefault(_scenario, Scenario(_name(item)))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Write each test's outcome into the report: the first of its phases that did not pass decides."""
    outcome = yield
    entry = item.stash.setdefault(_scenario, Scenario(_name(item)))
    if entry.verdict in ("", "passed"):
        entry.verdict = outcome.outcome
    if outcome.when == "call":
        entry.seconds = round(outcome.duration, 3)
    if outcome.when == "teardown":
        REPORT.record(entry)
    return outcome


def _name(item: pytest.Item) -> str:
    return item.name.removeprefix("test_").replace("_", " ")
