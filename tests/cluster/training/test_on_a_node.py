"""`headrace train --on kubernetes` from a terminal to a version in the registry, in pods of the suite's images."""

from __future__ import annotations

import copy
import subprocess
import sys
from pathlib import Path

import pytest
from cluster.training.template import account, cron_job
from headrace.training_job.manifest import Object
from rig.cluster.kube import Kube, condition, wait_for
from rig.cluster.report import Scenario
from rig.images.catalog import Catalog

pytestmark = [pytest.mark.node, pytest.mark.timeout(1800)]  # the images may have to be built

HERE = Path(__file__).parent
PIPELINE = HERE / "toy.yaml"
KEYS = {"HEADRACE_S3_ACCESS_KEY": "toy-access", "HEADRACE_S3_SECRET_KEY": "toy-secret-key"}
STORE = {"HEADRACE_S3_ENDPOINT": "http://s3:9000", "HEADRACE_S3_BUCKET": "headrace"}


def labourer(name: str, word: str, job: Object) -> Object:
    """A pod like the training's that runs toy_lake.py."""
    spec = copy.deepcopy(job["spec"]["jobTemplate"]["spec"]["template"]["spec"])
    (container,) = spec["containers"]
    container |= {"command": ["/app/.venv/bin/python", "/toy/toy_lake.py", word], "args": []}
    container["resources"] = {}
    container["volumeMounts"].append({"name": "toy", "mountPath": "/toy"})
    spec["volumes"].append({"name": "toy", "configMap": {"name": "toy"}})
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec}


def s3(image: str) -> list[Object]:
    """An S3 server of the namespace's own."""
    root = {"ROOT_ACCESS_KEY": KEYS["HEADRACE_S3_ACCESS_KEY"], "ROOT_SECRET_KEY": KEYS["HEADRACE_S3_SECRET_KEY"]}
    paths = ("/var/lib/s3/users", "/var/lib/s3/objects")
    container = {
        "name": "s3",
        "image": image,
        "imagePullPolicy": "Never",
        "env": [{"name": name, "value": value} for name, value in root.items()],
        "readinessProbe": {"tcpSocket": {"port": 9000}, "periodSeconds": 1},
        "volumeMounts": [{"name": "data", "mountPath": path, "subPath": path.rpartition("/")[2]} for path in paths],
    }
    spec = {
        "securityContext": {"runAsUser": 10001, "runAsGroup": 10001, "fsGroup": 10001},
        "containers": [container],
        "volumes": [{"name": "data", "emptyDir": {}}],
        "terminationGracePeriodSeconds": 0,
    }
    service = {"selector": {"app": "s3"}, "ports": [{"port": 9000}]}
    return [
        {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "s3", "labels": {"app": "s3"}}, "spec": spec},
        {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s3"}, "spec": service},
    ]


def config_map(name: str, data: dict[str, str]) -> Object:
    """A ConfigMap."""
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


def run_to_its_end(kube: Kube, namespace: str, pod: Object) -> str:
    """What a pod has printed once it has ended well."""
    name = pod["metadata"]["name"]
    kube.apply(pod, namespace)

    def phase() -> str:
        return str(kube.get("v1/Pod", name, namespace)["status"]["phase"])

    wait_for(lambda: phase() in ("Succeeded", "Failed"), f"the end of pod {name}", 180)
    said = kube.logs(name, namespace)
    assert phase() == "Succeeded", said
    return said


def test_a_training_on_the_node_lands_its_version_in_the_registry(
    control_plane: Kube, namespace: str, suite_images: Catalog, scenario: Scenario
) -> None:
    # Given a pipeline's namespace: its connections, its file, the training's template, and a lake with labels
    job = cron_job("toy")
    job["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"][0]["image"] = suite_images[
        "headrace-cli"
    ].reference
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "headrace-credentials"}, "stringData": KEYS}
    configuration = [
        config_map("connections", STORE),
        config_map("kafka", {}),
        config_map("store", {}),
        config_map("pipeline", {"pipeline.yaml": PIPELINE.read_text()}),
        config_map("toy", {"toy_lake.py": (HERE / "toy_lake.py").read_text()}),
    ]
    for each in [account(), secret, *configuration, job, *s3(suite_images["dev-s3"].reference)]:
        control_plane.apply(each, namespace)
    wait_for(lambda: condition(control_plane.find("v1/Pod", "s3", namespace), "Ready") == "True", "the S3 server", 90)
    assert "2000 rows" in run_to_its_end(control_plane, namespace, labourer("fill", "fill", job))

    # When somebody trains on the cluster
    trained = subprocess.run(
        [
            *(sys.executable, "-m", "headrace.cli", "train", str(PIPELINE), "is_good", "--alias", "challenger"),
            *("--on", "kubernetes", "--namespace", namespace),
        ],
        env={"KUBECONFIG": str(control_plane.kubeconfig), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )

    # Then they read the training's own log, and its end is theirs
    assert trained.returncode == 0, trained.stderr + trained.stdout
    assert "Reading features and labels of is_good from the lake" in trained.stdout
    assert "Published is_good version 1, trained on 2000 rows" in trained.stdout
    assert trained.stdout.count("is_good: challenger is version 1") == 1
    assert "has succeeded" in trained.stderr

    # And the registry has the version, under the alias that was asked for alone
    champion, challenger = run_to_its_end(control_plane, namespace, labourer("show", "show", job)).splitlines()
    assert champion == "champion None None"
    name, number, auc = challenger.split()
    assert (name, number) == ("challenger", "1")
    assert float(auc) > 0.85
    scenario.figure("auc", float(auc))
