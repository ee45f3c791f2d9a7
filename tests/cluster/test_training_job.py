"""A training as a Job: admitted, allowed, followed and told, on a real API server; on a node, run to its version."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from cluster.trainings import account, cron_job, priority_classes
from headrace.cli.train_on_kubernetes import exit_of_job
from headrace.contract.errors import ClusterRefused, JobUnknown, PlanError
from headrace.local.places import PROJECT_ROOT
from headrace.local.ports import choose
from headrace.runtime.exits import Exit
from headrace.training_job.api import connect
from headrace.training_job.follow import follow
from headrace.training_job.manifest import PREDICTION, Object, TrainingRun
from headrace.training_job.progress import Ending
from headrace.training_job.submit import new_name, submit
from kubernetes import client, config
from rig.cluster.kube import Kube, wait_for
from rig.proxy.tcp import TcpFault, TcpProxy
from rig.tls import MAY_OUTLIVE_ITS_LOOP

pytestmark = MAY_OUTLIVE_ITS_LOOP

FLIGHTS = PROJECT_ROOT / "examples" / "flights" / "headrace_flights" / "flights.yaml"
TEMPLATE = "flights-training"
RUN = TrainingRun("late_at_departure", "challenger", 7)
TRAINER = "headrace-tenant-trainer"
# What the command asks for, all of it: submit, follow, log, cancel.
NEEDED = {
    ("cronjobs", "get"),
    ("jobs", "create"),
    ("jobs", "list"),
    ("jobs", "watch"),
    ("pods", "list"),
    ("pods", "watch"),
    ("pods/log", "get"),
    ("events", "list"),
    ("events", "watch"),
}
BESIDES = {("jobs", "get"), ("jobs", "delete")}  # --follow, and stopping it
RESTRICTED = {
    "metadata": {"labels": {"pod-security.kubernetes.io/enforce": "restricted", "headrace.dev/tenant": "default"}}
}


def rules_of(role: str) -> list[Object]:
    """The rules of a ClusterRole of k8s/."""
    manifests = yaml.safe_load_all((PROJECT_ROOT / "k8s" / "cluster-roles.yaml").read_text())
    return next(found["rules"] for found in manifests if found["metadata"]["name"] == role)


def rules_for(rights: set[tuple[str, str]]) -> list[Object]:
    """Rules that give exactly these rights, a resource and a verb each."""
    groups = {"jobs": "batch", "cronjobs": "batch"}
    return [
        {"apiGroups": [groups.get(resource, "")], "resources": [resource], "verbs": [verb]} for resource, verb in rights
    ]


class Lab:
    """A tenant's namespace with the template in it, and people who may do what a test says."""

    def __init__(self, kube: Kube, namespace: str, folder: Path) -> None:
        self.kube = kube
        self.namespace = namespace
        self._folder = folder

    def person(self, rules: list[Object], name: str = "ada") -> Path:
        """The kubeconfig of somebody with these rules in the namespace and none elsewhere."""
        rbac = "rbac.authorization.k8s.io"
        subject = {"kind": "ServiceAccount", "name": name, "namespace": self.namespace}
        self.kube.apply({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name}}, self.namespace)
        self.kube.apply(
            {"apiVersion": f"{rbac}/v1", "kind": "Role", "metadata": {"name": name}, "rules": rules}, self.namespace
        )
        self.kube.apply(
            {
                "apiVersion": f"{rbac}/v1",
                "kind": "RoleBinding",
                "metadata": {"name": name},
                "roleRef": {"apiGroup": rbac, "kind": "Role", "name": name},
                "subjects": [subject],
            },
            self.namespace,
        )
        wait_for(
            lambda: self._may_all(name, rules), f"the rights of {name}", 20
        )  # the API server reads roles in its time
        return self.kubeconfig({"token": self._token(name)}, name)

    def kubeconfig(self, user: Object, name: str, server: str | None = None) -> Path:
        """The administrator's kubeconfig for another user, or another server."""
        config: dict[str, Any] = yaml.safe_load(self.kube.kubeconfig.read_text())
        config["users"] = [{"name": "user", "user": user or config["users"][0]["user"]}]
        config["contexts"][0]["context"]["user"] = "user"
        if server is not None:
            config["clusters"][0]["cluster"]["server"] = server
        path = self._folder / f"{name}.kubeconfig"
        path.write_text(yaml.safe_dump(config))
        return path

    def _may_all(self, account: str, rules: list[Object]) -> bool:
        user = f"system:serviceaccount:{self.namespace}:{account}"
        for rule in rules:
            resource, _, part = rule["resources"][0].partition("/")
            asked = {
                "namespace": self.namespace,
                "group": rule["apiGroups"][0],
                "resource": resource,
                "subresource": part,
                "verb": rule["verbs"][0],
            }
            review = {"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview"}
            answer = self.kube.create({**review, "spec": {"user": user, "resourceAttributes": asked}})
            if not answer["status"]["allowed"]:
                return False
        return True

    def _token(self, account: str) -> str:
        with config.new_client_from_config(str(self.kube.kubeconfig)) as api:
            asked = client.AuthenticationV1TokenRequest(
                spec=client.V1TokenRequestSpec(audiences=[], expiration_seconds=3600)
            )
            answer = client.CoreV1Api(api).create_namespaced_service_account_token(account, self.namespace, asked)
        assert answer.status is not None
        return str(answer.status.token)

    def job(self) -> Object | None:
        """The one Job, once it is there."""
        return next(iter(self.kube.list("batch/v1/Job", self.namespace)), None)

    def pod(self) -> Object:
        """The Job's pod, once the job controller has made it."""
        wait_for(lambda: self.kube.list("v1/Pod", self.namespace), "a pod of the Job", 120)
        return self.kube.list("v1/Pod", self.namespace)[0]

    def play_node(self, phase: str, state: Object) -> None:
        """Say what a node's kubelet would say of the pod."""
        pod = self.pod()["metadata"]["name"]
        container = {"name": "service", "image": "i", "imageID": "", "ready": False, "restartCount": 0, "state": state}
        with config.new_client_from_config(str(self.kube.kubeconfig)) as api:
            client.CoreV1Api(api).patch_namespaced_pod_status(
                pod, self.namespace, {"status": {"phase": phase, "containerStatuses": [container]}}
            )


@pytest.fixture(scope="module", autouse=True)
def _priorities(control_plane: Kube) -> Iterator[None]:
    with priority_classes(control_plane):
        yield


@pytest.fixture
def lab(control_plane: Kube, namespace: str, tmp_path: Path) -> Lab:
    """A restricted namespace with the template, as the component delivers it, for pods that no real node takes."""
    control_plane.patch("v1/Namespace", namespace, RESTRICTED)
    control_plane.apply(account(), namespace)
    job = cron_job("flights")
    job["spec"]["jobTemplate"]["spec"]["template"]["spec"]["nodeSelector"] = {"headrace.test/node": "played"}
    control_plane.apply(job, namespace)
    return Lab(control_plane, namespace, tmp_path)


@pytest.fixture
def ada(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Somebody with the trainers' role."""
    kubeconfig = lab.person(rules_of(TRAINER))
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig))
    return kubeconfig


class Told:
    """What was said on the way."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def __call__(self, line: str) -> None:
        self.lines.append(line)

    def has(self, word: str) -> bool:
        """Whether one line has this word."""
        return any(word in line for line in self.lines)


async def train(lab: Lab, told: Told, patience: float = 60.0) -> Ending:
    """Submit and follow, as the command does."""
    async with connect(lab.namespace, None) as cluster:
        job = await submit(cluster, TEMPLATE, RUN, new_name(TEMPLATE), "ada")
        return await follow(cluster, job, told, told, patience)


TERMINATED = {"terminated": {"exitCode": 0, "reason": "Completed"}}


async def until(true: Any, what: str) -> None:
    """Wait for something in a thread: the loop has the training to follow."""
    await asyncio.to_thread(wait_for, true, what, 30)


class Command:
    """`headrace train --on kubernetes`, as a person runs it."""

    def __init__(self, lab: Lab, *more: str) -> None:
        line = [sys.executable, "-m", "headrace.cli", "train", str(FLIGHTS), "late_at_departure", "--seed", "7"]
        options = ["--on", "kubernetes", "--namespace", lab.namespace, *more]
        self._stderr = tempfile.TemporaryFile("w+")  # noqa: SIM115  closed on exit
        self._process = subprocess.Popen(
            [*line, *options], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=self._stderr
        )

    def told(self) -> str:
        """What it has said on stderr up to now."""
        return os.pread(self._stderr.fileno(), 1 << 16, 0).decode()

    def end(self) -> tuple[int, str]:
        """Its exit status and its stderr, once it has ended."""
        return self._process.wait(timeout=90), self.told()

    def __enter__(self) -> Command:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        print(self.told())  # pytest shows it where the test fails
        self._stderr.close()


@pytest.mark.usefixtures("ada")
def test_a_trainer_starts_a_job_that_a_restricted_namespace_admits_and_its_end_is_the_commands(lab: Lab) -> None:
    # When somebody with the trainers' role trains on the cluster
    with Command(lab, "--alias", "challenger") as running:
        pod = lab.pod()
        job = lab.job()
        # With the scheduler's reason: there is no node, or none that the pod may have.
        wait_for(lambda: "nodes" in running.told().partition("waits for a node: ")[2], "why the pod waits")
        lab.play_node("Succeeded", TERMINATED)
        status, told = running.end()

    # Then the pod is the template's, with the run's arguments, and the namespace has admitted it
    assert job is not None
    assert pod["spec"]["containers"][0]["args"] == [
        *("train", "/etc/headrace/pipeline.yaml", "late_at_departure", "--alias", "challenger", "--seed", "7")
    ]
    assert pod["metadata"]["labels"]["headrace.dev/tenant"] == "default"
    assert job["metadata"]["labels"][PREDICTION] == "late_at_departure"
    assert (job["spec"]["backoffLimit"], job["spec"]["activeDeadlineSeconds"]) == (0, 14400)

    # And as its program has ended well, the command has
    assert status == 0, told
    assert f"job {job['metadata']['name']} has succeeded" in told


@pytest.mark.usefixtures("ada")
@pytest.mark.parametrize(
    ("status", "reason", "expected"),
    [(20, "Error", Exit.MODEL), (1, "Error", Exit.FAULT), (137, "OOMKilled", Exit.JOB)],
)
async def test_a_failure_of_the_program_is_one_of_the_command(
    lab: Lab, status: int, reason: str, expected: Exit
) -> None:
    training = asyncio.create_task(train(lab, Told()))

    await asyncio.to_thread(lab.play_node, "Failed", {"terminated": {"exitCode": status, "reason": reason}})

    ending = await training
    assert not ending.succeeded
    assert exit_of_job(ending) == expected


@pytest.mark.usefixtures("ada")
def test_who_detaches_is_told_how_to_follow_and_to_stop_and_can(lab: Lab) -> None:
    # Given a training that was started and left
    with Command(lab, "--detach") as left:
        status, told = left.end()
    assert status == 0, told
    job = lab.job()
    assert job is not None
    name = job["metadata"]["name"]
    assert f"--on kubernetes --namespace {lab.namespace} --follow {name}" in told
    assert f"kubectl -n {lab.namespace} delete job {name}" in told

    # When somebody follows it and it is deleted
    async def follow_and_stop() -> Ending:
        async with connect(lab.namespace, None) as cluster:
            following = asyncio.create_task(follow(cluster, job, heard := Told(), heard))
            await until(lambda: heard.has("waits for a node"), "the first line")
            await cluster.delete(name)
            return await following

    # Then that is how it ended, and following it once more finds nothing
    assert asyncio.run(follow_and_stop()) == Ending(False, None, "it was deleted")
    with Command(lab, "--follow", name) as again:
        status, told = again.end()
    assert (status, f"has no job {name}" in told) == (2, True), told


@pytest.mark.usefixtures("ada")
async def test_a_quota_that_leaves_no_room_is_told(lab: Lab) -> None:
    quota = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "none"}, "spec": {"hard": {"pods": "0"}}}
    lab.kube.apply(quota, lab.namespace)
    await until(lambda: lab.kube.get("v1/ResourceQuota", "none", lab.namespace).get("status"), "the quota's status")
    told = Told()
    training = asyncio.create_task(train(lab, told))

    await until(lambda: told.has("exceeded quota") or training.done(), "the quota's refusal")

    assert told.has("FailedCreate")
    training.cancel()
    await asyncio.gather(training, return_exceptions=True)


def test_the_trainers_role_allows_what_is_needed_and_no_secrets_no_exec_no_roles() -> None:
    given = {(resource, verb) for rule in rules_of(TRAINER) for resource in rule["resources"] for verb in rule["verbs"]}
    assert given >= NEEDED | BESIDES
    assert {resource for resource, _ in given} == {resource for resource, _ in NEEDED}
    assert {verb for _, verb in given} <= {"get", "list", "watch", "create", "delete"}


async def test_exactly_what_is_needed_is_enough(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", str(lab.person(rules_for(NEEDED))))
    told = Told()
    training = asyncio.create_task(train(lab, told))

    await until(lab.job, "the Job")
    await asyncio.to_thread(lab.play_node, "Succeeded", TERMINATED)

    assert (await training).succeeded


@pytest.mark.parametrize(("resource", "verb"), sorted(NEEDED))
async def test_a_right_that_is_missing_is_named(
    lab: Lab, resource: str, verb: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(lab.person(rules_for(NEEDED - {(resource, verb)}))))
    training = asyncio.create_task(train(lab, Told()))
    if resource == "pods/log":
        await until(lab.job, "the Job")
        await asyncio.to_thread(lab.play_node, "Running", {"running": {}})

    with pytest.raises(ClusterRefused) as refusal:
        await training

    said = str(refusal.value)
    assert said.startswith("you may not")
    assert verb in said.split()[3:6]
    assert resource in said
    assert lab.namespace in said
    assert TRAINER in said


async def test_a_namespace_without_the_component_and_no_namespace_are_told_apart(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(lab.kube.kubeconfig))
    lab.kube.delete("batch/v1/CronJob", TEMPLATE, lab.namespace)
    with pytest.raises(PlanError, match=f"has no CronJob {TEMPLATE}.*add component training"):
        await train(lab, Told())
    async with connect("headrace-nobody", None) as cluster:
        with pytest.raises(PlanError, match="no namespace headrace-nobody"):
            await cluster.template(TEMPLATE)


async def test_connections_that_are_cut_are_made_anew_and_one_that_stays_away_leaves_the_end_unknown(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a training that is followed over a connection that can be cut
    server: str = yaml.safe_load(lab.kube.kubeconfig.read_text())["clusters"][0]["cluster"]["server"]
    proxy, port = TcpProxy(lambda: int(server.rpartition(":")[2])), choose()
    await proxy.start(port)
    monkeypatch.setenv("KUBECONFIG", str(lab.kubeconfig({}, "proxied", f"https://127.0.0.1:{port}")))
    told = Told()
    training = asyncio.create_task(train(lab, told, patience=6.0))
    await until(lambda: told.has("waits for a node") or training.done(), "the first line")

    # When all connections are cut for a moment, then it goes on: what happens next is told
    fault = TcpFault("cut")
    proxy.break_(fault)
    await asyncio.sleep(0.5)
    proxy.heal(fault)
    await asyncio.to_thread(lab.play_node, "Running", {"running": {}})
    await until(lambda: told.has("runs in pod") or training.done(), "news after the cut")
    assert not training.done()

    # When they stay cut, then nobody knows how it ends, and that is no failure
    proxy.break_(fault)
    with pytest.raises(JobUnknown, match=r"how job .* ends is not known: no answer for"):
        async with asyncio.timeout(30):
            await training
    await proxy.stop()
