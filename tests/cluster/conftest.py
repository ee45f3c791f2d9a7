"""One Kubernetes for all of these tests: the rig's own, or the one named by KUBECONFIG; a namespace for each test.

Every test is a scenario of the report: `.headrace/cluster/tests.json`, or the one that `make cluster` has begun. Those
for which the suite is deployed come last and share one deployment.
"""

from __future__ import annotations

import contextlib
import os
import re
import time
from collections.abc import Generator, Iterator
from itertools import count
from pathlib import Path

import pytest
from cluster import needs
from headrace.contract.errors import StackError
from headrace.local.lock import holder_of
from headrace.local.places import state_folder
from rig.cluster.cluster import Cluster
from rig.cluster.kube import Kube, wait_for
from rig.cluster.own_images import SHELL_IMAGE
from rig.cluster.report import Report, Scenario
from rig.cluster.start import Say, running
from rig.deployed.deployment import Deployment, deployed
from rig.deployed.ending import take_away
from rig.images.build import images_ready
from rig.images.catalog import Catalog

_report = pytest.StashKey[Report]()
_scenario = pytest.StashKey[Scenario]()
_numbers = count(1)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let `make cluster` name its report."""
    parser.addoption("--cluster-report", type=Path, help="a report to go on with")


def pytest_configure(config: pytest.Config) -> None:
    """Begin a report, or go on with one."""
    begun = config.getoption("--cluster-report", None)
    config.stash[_report] = Report.read(begun) if begun else Report(state_folder() / "cluster" / "tests.json")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The deployment takes what is cluster-wide, which other scenarios apply and take away: it comes last."""
    items.sort(key=lambda item: "deployment" in needs.fixtures(item))


def pytest_collection_finish(session: pytest.Session) -> None:
    """Build what the scenarios need before the time of the first of them begins to run."""
    ours = [item for item in session.items if item.path.is_relative_to(Path(__file__).parent)]
    if ours and not session.config.option.collectonly:
        try:
            needs.build(ours, _say(session.config))
        except StackError as error:
            pytest.exit(f"the scenarios cannot run: {error}", 1)


def _say(config: pytest.Config) -> Say:
    """Tells what takes long, past pytest's capture."""
    capture = config.pluginmanager.getplugin("capturemanager")

    def say(what: str) -> None:
        with capture.global_and_fixture_disabled() if capture is not None else contextlib.nullcontext():
            print(f"  {what}", flush=True)

    return say


@pytest.fixture(scope="session")
def report(request: pytest.FixtureRequest) -> Report:
    """What the scenarios are written into."""
    return request.config.stash[_report]


@pytest.fixture(scope="session")
def say(request: pytest.FixtureRequest) -> Say:
    """Tells what takes long."""
    return _say(request.config)


@pytest.fixture(scope="session")
def images(request: pytest.FixtureRequest, say: Say) -> Catalog | None:
    """The suite's own images, where a scenario of this session runs them."""
    return images_ready(say) if needs.images(request.session.items) else None


@pytest.fixture(scope="session")
def suite_images(own_cluster: Cluster | None, images: Catalog | None) -> Catalog:
    """The suite's own images, on the node."""
    if own_cluster is None:
        pytest.skip("images of this checkout can only be brought to the rig's own node, and KUBECONFIG names another")
    assert images is not None
    if not {image.digest for image in images} <= {*own_cluster.load([]).values()}:
        own_cluster.load([images.archive])
    return images


@pytest.fixture(scope="session")
def own_cluster(
    request: pytest.FixtureRequest, images: Catalog | None, report: Report, say: Say
) -> Iterator[Cluster | None]:
    """The rig's own cluster, with a node when a test of this session needs one.

    With a KUBECONFIG: the one that `make cluster-up` has left, or None where it names a cluster that is not the rig's.
    """
    if named := os.environ.get("KUBECONFIG"):
        folder = Path(named).resolve().parent
        yield Cluster(folder) if holder_of(folder) is not None else None
        return
    node = needs.node(request.session.items)
    archives = [images.archive] if images is not None else []
    with running(state_folder() / "cluster-test", node=node, archives=archives, say=say) as cluster:
        if cluster.started_in is not None:
            report.tell("seconds of the cluster's start", cluster.started_in)
        yield cluster


@pytest.fixture(scope="session")
def control_plane(own_cluster: Cluster | None, report: Report) -> Iterator[Kube]:
    """The cluster's API, as its administrator."""
    kubeconfig = own_cluster.kubeconfig if own_cluster is not None else Path(os.environ["KUBECONFIG"])
    with contextlib.closing(Kube(kubeconfig)) as kube:
        report.tell("kubernetes version", kube.version)
        yield kube


@pytest.fixture(scope="session")
def deployment(
    own_cluster: Cluster | None, control_plane: Kube, suite_images: Catalog, report: Report, say: Say
) -> Iterator[Deployment]:
    """The local overlay, for all scenarios that say so, which build on each other in their order."""
    assert own_cluster is not None  # or there were no images
    began = time.monotonic()
    with deployed(own_cluster, control_plane, suite_images, say) as deployment:
        report.tell("seconds until the suite was up", time.monotonic() - began)
        yield deployment
    if "KUBECONFIG" in os.environ:  # it stays when this session ends
        take_away(deployment)


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
        item.config.stash[_report].record(entry)
    return outcome


def _name(item: pytest.Item) -> str:
    return item.name.removeprefix("test_").replace("_", " ")
