"""external.metrics.k8s.io as the API server's aggregator asks it: real TLS, real client certificates, a real Kafka."""

from __future__ import annotations

import http.client
import json
import ssl
import urllib.parse
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from headrace.local.ports import choose
from headrace.local.service import Service
from headrace.local.stack import Stack
from rig.api_server import ApiServer, deployment
from rig.certificates import Authority, Signed
from rig.suite import Suite

FILE = """\
headrace: 1
name: {name}
tenant: measured
partitions: 3
streams:
  visits:
    event_time: at
    columns: {{at: timestamp, page: string}}
"""
HPA = "system:serviceaccount:kube-system:horizontal-pod-autoscaler"
API = "/apis/external.metrics.k8s.io/v1beta1"
AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"

Json = dict[str, Any]  # Any: JSON


class World:
    """The lag service with a certificate, an API server that names its front proxy, and clients of both kinds."""

    def __init__(self, suite: Suite, folder: Path) -> None:
        self.pipeline = suite.plan.pipeline.name
        self.folder = folder
        self.serving, self.clients, self.strangers = map(Authority, ("serving", "front proxy", "strangers"))
        self.tls = folder / "serving"
        self.serving.sign("lag", self.tls)
        self.aggregator = self.clients.sign("aggregator", folder, file="aggregator")
        self.api = ApiServer(self.clients.pem, ["aggregator"], self._may)
        self.api.deployments["headrace-measured"] = [deployment(self.pipeline, "cleaning", replicas=2)]
        self.port = choose([])
        pipelines = folder / "pipelines"
        pipelines.mkdir()
        (pipelines / "one.yaml").write_text(suite.file.read_text())
        self.lag = Service(
            "lag",
            pipeline=suite.file,
            endpoints=suite.endpoints,
            logs=folder / "logs",
            settings={
                "HEADRACE_PIPELINES": str(pipelines),
                "HEADRACE_LAG_POLL_SECONDS": "0.3",
                "HEADRACE_LAG_KUBERNETES": "kubeconfig",
                "HEADRACE_LAG_TLS": str(self.tls),
                "HEADRACE_LAG_HTTPS_PORT": str(self.port),
                "KUBECONFIG": str(self.api.kubeconfig(folder)),
            },
        )

    def _may(self, spec: Json) -> bool:
        """What the API server's roles say: discovery for everybody who is somebody, metrics for the HPA controller."""
        if "nonResourceAttributes" in spec:
            return "system:authenticated" in spec["groups"]
        wanted = spec["resourceAttributes"]
        return bool(spec["user"] == HPA and wanted["verb"] == "list" and wanted["group"] == "external.metrics.k8s.io")

    def ask(
        self,
        path: str,
        *,
        shows: Signed | None,
        user: str | None = HPA,
        accept: str = "application/json",
        method: str = "GET",
    ) -> tuple[int, Json, str]:
        """Status, body and content type, over a new TLS connection that trusts the serving authority."""
        context = ssl.create_default_context(cadata=self.serving.pem)
        if shows is not None:
            context.load_cert_chain(shows.certificate, shows.key)
        headers = {"Accept": accept, **({"X-Remote-User": user} if user is not None else {})}
        with closing(http.client.HTTPSConnection("127.0.0.1", self.port, context=context, timeout=10)) as connection:
            connection.request(method, path, headers=headers)
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read()), answer.headers["Content-Type"]

    def metric(self, name: str, selector: str, namespace: str = "headrace-measured") -> tuple[int, Json]:
        """A metric, asked as the HPA controller asks through the aggregator."""
        chosen = urllib.parse.quote(selector)
        path = f"{API}/namespaces/{namespace}/{name}?labelSelector={chosen}"
        code, body, _ = self.ask(path, shows=self.aggregator)
        return code, body


@pytest.fixture(scope="module")
def suite(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Suite]:
    """Topics, and nobody who works on them."""
    with Suite(FILE.format(name="web"), stack.endpoints, tmp_path_factory.mktemp("web"), services=[]) as suite:
        yield suite


@pytest.fixture(scope="module")
def world(suite: Suite, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A lag service for all tests that leave it as it is."""
    with at_work(World(suite, tmp_path_factory.mktemp("world"))) as world:
        yield world


@pytest.fixture
def own_world(suite: Suite, tmp_path: Path) -> Iterator[World]:
    """A lag service for one test that changes it."""
    with at_work(World(suite, tmp_path)) as world:
        yield world


@contextmanager
def at_work(world: World) -> Iterator[World]:
    """Ready; told to stop at the end."""
    with world.api:
        world.lag.start()
        try:
            world.lag.wait_ready()
            yield world
            assert world.lag.stop() == 0
        finally:
            world.lag.kill()


def test_the_hpa_controller_gets_the_replicas_that_are_desired(world: World, suite: Suite) -> None:
    # When it asks through the aggregator for the replicas of a service, once arrivals have been measured
    selector = f"pipeline={world.pipeline},service=cleaning"
    suite.until(lambda: world.metric("headrace_desired_replicas", selector)[0] == 200, "a number", 10.0)
    code, body = world.metric("headrace_desired_replicas", selector)
    # Then it gets one value, a whole number; with nothing to read it keeps what runs until the window has passed
    assert code == 200, body
    assert (body["kind"], body["apiVersion"]) == ("ExternalMetricValueList", "external.metrics.k8s.io/v1beta1")
    (item,) = body["items"]
    assert item["metricName"] == "headrace_desired_replicas"
    assert item["metricLabels"] == {"pipeline": world.pipeline, "service": "cleaning"}
    assert item["value"] == "2"
    # And the API server was asked about the user behind the aggregator, not about the aggregator
    wanted = {"group": "external.metrics.k8s.io", "version": "v1beta1", "namespace": "headrace-measured"}
    assert {
        "user": HPA,
        "groups": ["system:authenticated"],
        "resourceAttributes": {**wanted, "resource": "headrace_desired_replicas", "verb": "list"},
    } in world.api.reviews


def test_each_lag_is_a_metric_of_its_own(world: World) -> None:
    for name in ("headrace_lag_rows", "headrace_lag_seconds", "headrace_lag_messages"):
        code, body = world.metric(name, "service in (cleaning)")
        assert (code, [item["value"] for item in body["items"]]) == (200, ["0"]), name


def test_who_shows_no_certificate_is_nobody(world: World) -> None:
    code, body, _ = world.ask(API, shows=None)
    assert (code, body["reason"]) == (401, "Unauthorized")


def test_a_certificate_of_another_name_does_not_speak_for_users(world: World) -> None:
    # Given a certificate that the right authority has signed for somebody else
    other = world.clients.sign("kubelet", world.folder, file="other")
    asked_before = len(world.api.reviews)
    # When it claims to speak for the HPA controller
    code, body, _ = world.ask(API, shows=other)
    # Then it is not believed, and the API server is not even asked
    assert (code, body["reason"]) == (401, "Unauthorized")
    assert len(world.api.reviews) == asked_before


def test_a_certificate_of_another_authority_is_refused_by_tls(world: World) -> None:
    stranger = world.strangers.sign("aggregator", world.folder, file="stranger")
    with pytest.raises((ssl.SSLError, ConnectionError, http.client.RemoteDisconnected)):
        world.ask(API, shows=stranger)


def test_a_user_whom_no_role_allows_is_forbidden(world: World) -> None:
    path = f"{API}/namespaces/headrace-measured/headrace_desired_replicas"
    code, body, _ = world.ask(path, shows=world.aggregator, user="mallory")
    assert (code, body["reason"]) == (403, "Forbidden")
    assert "'mallory' may not list headrace_desired_replicas" in body["message"]


def test_a_front_proxy_that_names_no_user_speaks_for_nobody(world: World) -> None:
    assert world.ask(API, shows=world.aggregator, user=None)[0] == 401


def test_the_aggregator_discovers_the_metrics(world: World) -> None:
    # Given the users under whose names kube-aggregator discovers: one of them is in no group
    shows, user = world.aggregator, "system:kube-aggregator"
    # Then each form of discovery names the group, the version and every metric
    names = ["headrace_desired_replicas", "headrace_lag_rows", "headrace_lag_seconds", "headrace_lag_messages"]
    code, body, content = world.ask("/apis", shows=shows, user=user, accept=f"{AGGREGATED},application/json;q=0.9")
    assert (code, content) == (200, AGGREGATED)
    (version,) = body["items"][0]["versions"]
    assert [resource["resource"] for resource in version["resources"]] == names
    code, body, _ = world.ask("/apis", shows=shows, user=user)
    assert (code, body["kind"], body["groups"][0]["name"]) == (200, "APIGroupList", "external.metrics.k8s.io")
    code, body, _ = world.ask("/apis/external.metrics.k8s.io", shows=shows, user=user)
    assert (code, body["kind"], body["preferredVersion"]["version"]) == (200, "APIGroup", "v1beta1")
    code, body, _ = world.ask(API, shows=shows, user=user)
    assert (code, body["kind"], [each["name"] for each in body["resources"]]) == (200, "APIResourceList", names)
    assert all(each["namespaced"] and each["kind"] == "ExternalMetricValueList" for each in body["resources"])
    # And there is no OpenAPI document, which it skips when that is a plain 404
    assert world.ask("/openapi/v2", shows=shows, user=user)[0] == 404


@pytest.mark.parametrize(
    ("metric", "namespace", "selector", "code", "said"),
    [
        ("headrace_desired_replicas", "headrace-measured", "pipeline=other", 404, "matches 'pipeline=other'"),
        ("headrace_desired_replicas", "default", "", 404, "a tenant's namespace is headrace-<tenant>"),
        ("headrace_moon", "headrace-measured", "", 404, "there is no metric headrace_moon"),
        ("headrace_lag_rows", "headrace-measured", "pipeline==", 404, "matches"),  # legal, and nobody has it
        ("headrace_lag_rows", "headrace-measured", "pipeline in web", 400, "unable to parse requirement"),
        # ingestion and lake have no Deployment, so their part of the sum is missing
        ("headrace_desired_replicas", "headrace-measured", "", 503, "has no Deployment and no StatefulSet"),
    ],
)
def test_what_cannot_be_answered_is_a_status_that_says_why(
    world: World, metric: str, namespace: str, selector: str, code: int, said: str
) -> None:
    answered, body = world.metric(metric, selector, namespace)
    assert answered == code, body
    assert (body["kind"], body["code"]) == ("Status", code)
    assert said in body["message"]


def test_metrics_are_only_read(world: World) -> None:
    assert world.ask(API, shows=world.aggregator, method="DELETE")[0] == 405


def test_health_is_told_to_everybody(world: World) -> None:
    context = ssl.create_default_context(cadata=world.serving.pem)
    for path in ("/healthz", "/livez", "/readyz"):
        with closing(http.client.HTTPSConnection("127.0.0.1", world.port, context=context, timeout=10)) as connection:
            connection.request("GET", path)
            assert connection.getresponse().status == 200


def test_a_rollout_holds_what_runs(own_world: World, suite: Suite) -> None:
    world = own_world
    # Given a rollout of three replicas, one of them still of the old version
    world.api.deployments["headrace-measured"] = [deployment(world.pipeline, "cleaning", replicas=3, updated=2)]

    def held() -> bool:
        code, body = world.metric("headrace_desired_replicas", "service=cleaning")
        return code == 200 and body["items"][0]["value"] == "3"

    # Then it stays at three
    suite.until(held, "three are desired", 10.0)


def test_new_certificates_and_front_proxies_are_taken_up_without_a_restart(own_world: World, suite: Suite) -> None:
    world = own_world
    # Given another serving certificate and another front-proxy authority
    former = world.aggregator
    world.serving, world.clients = Authority("new serving"), Authority("new front proxy")
    world.serving.sign("lag", world.tls)
    world.aggregator = world.clients.sign("front-proxy-client", world.folder, file="new")
    world.api.front_proxy["requestheader-client-ca-file"] = world.clients.pem
    world.api.front_proxy["requestheader-allowed-names"] = '["front-proxy-client"]'

    def taken_up() -> bool:
        try:
            return world.ask(API, shows=world.aggregator)[0] == 200
        except (OSError, http.client.HTTPException):
            return False

    # Then the new ones are in force, and the former front proxy is no longer believed
    suite.until(taken_up, "the new certificates are in force", 20.0)
    with pytest.raises((OSError, http.client.HTTPException)):
        world.ask(API, shows=former)
