"""A tenant's namespace in which somebody trains, and a node that is played."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import yaml
from headrace.local.places import PROJECT_ROOT
from headrace.training_job.api import connect
from headrace.training_job.follow import follow
from headrace.training_job.manifest import Object, TrainingRun
from headrace.training_job.progress import Ending
from headrace.training_job.submit import new_name, submit
from kubernetes import client, config
from rig.cluster.kube import Kube, wait_for

FLIGHTS = PROJECT_ROOT / "examples" / "flights" / "headrace_flights" / "flights.yaml"
TEMPLATE = "flights-training"
RUN = TrainingRun("late_at_departure", "challenger", 7)
TERMINATED = {"terminated": {"exitCode": 0, "reason": "Completed"}}


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


class Told:
    """What was said on the way."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def __call__(self, line: str) -> None:
        self.lines.append(line)

    def has(self, word: str) -> bool:
        """Whether one line has this word."""
        return any(word in line for line in self.lines)


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


async def train(lab: Lab, told: Told, patience: float = 60.0) -> Ending:
    """Submit and follow, as the command does."""
    async with connect(lab.namespace, None) as cluster:
        job = await submit(cluster, TEMPLATE, RUN, new_name(TEMPLATE), "ada")
        return await follow(cluster, job, told, told, patience)


async def until(true: Any, what: str) -> None:
    """Wait for something in a thread: the loop has the training to follow."""
    await asyncio.to_thread(wait_for, true, what, 30)
