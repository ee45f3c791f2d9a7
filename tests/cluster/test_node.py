"""What a node adds: pods that run, find each other by name, and keep what they wrote."""

from __future__ import annotations

import pytest
from rig.cluster.cluster import Cluster
from rig.cluster.kube import Kube, Object, condition, wait_for
from rig.cluster.report import Scenario
from rig.cluster.volumes import make_volume

pytestmark = pytest.mark.node


def pod(name: str, image: str, script: str, **spec: object) -> Object:
    """A pod that runs a shell script once, under the suite's own security context."""
    context = {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    container: Object = {
        "name": "main",
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "command": ["/bin/sh", "-euc", script],
        "securityContext": context,
    }
    if "volumes" in spec:
        container["volumeMounts"] = [{"name": "data", "mountPath": "/data"}]
    user = {"runAsNonRoot": True, "runAsUser": 10001, "runAsGroup": 10001, "seccompProfile": {"type": "RuntimeDefault"}}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": {"app": name}},
        "spec": {"restartPolicy": "Never", "securityContext": user, "containers": [container], **spec},
    }


def finish(kube: Kube, namespace: str, name: str) -> str:
    """What a pod that ends has printed; AssertionError when it failed."""

    def ended() -> bool:
        return kube.get("v1/Pod", name, namespace)["status"]["phase"] in ("Succeeded", "Failed")

    wait_for(ended, f"the end of pod {name}")
    said = kube.logs(name, namespace)
    assert kube.get("v1/Pod", name, namespace)["status"]["phase"] == "Succeeded", said
    return said


def test_a_pod_runs_as_nobody_without_rights_and_ends(
    control_plane: Kube, namespace: str, shell_image: str, scenario: Scenario
) -> None:
    script = "busybox id -u; busybox grep CapEff /proc/self/status; echo x 2>/dev/null >/x || echo refused"
    control_plane.apply(pod("nobody", shell_image, script), namespace)

    said = finish(control_plane, namespace, "nobody")

    assert said.split() == ["10001", "CapEff:", "0000000000000000", "refused"]


def test_a_pod_finds_a_service_by_its_name_and_reaches_it(
    control_plane: Kube, namespace: str, shell_image: str, scenario: Scenario
) -> None:
    # Given a pod that listens, and a Service for it
    listens = "while :; do echo hello | busybox nc -l -p 8080; done"
    ready = {"exec": {"command": ["/bin/sh", "-c", "busybox netstat -ltn | busybox grep -q :8080"]}, "periodSeconds": 1}
    server = pod("server", shell_image, listens, terminationGracePeriodSeconds=0)
    server["spec"]["containers"][0]["readinessProbe"] = ready
    port = {"port": 80, "targetPort": 8080}
    control_plane.apply(server, namespace)
    control_plane.apply(
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "server"},
            "spec": {"selector": {"app": "server"}, "ports": [port]},
        },
        namespace,
    )
    wait_for(lambda: condition(control_plane.get("v1/Pod", "server", namespace), "Ready") == "True", "a ready server")

    # When another pod asks for it by name, then it has its Service's address and its answer
    script = (
        f"address=$(busybox nslookup -type=a server.{namespace}.svc.cluster.local"
        " | busybox awk '/^Address/ {a = $2} END {print a}')\n"
        'echo "$address"\nbusybox nc -w 5 "$address" 80 </dev/null'
    )
    control_plane.apply(pod("client", shell_image, script), namespace)
    address, *answer = finish(control_plane, namespace, "client").split()
    assert address == control_plane.get("v1/Service", "server", namespace)["spec"]["clusterIP"]
    assert answer == ["hello"]


def test_what_a_pod_wrote_to_its_volume_is_there_for_the_next(
    rig: Cluster, control_plane: Kube, namespace: str, shell_image: str
) -> None:
    # Given a volume made by hand and a claim of it
    make_volume(rig, control_plane, f"{namespace}-data")
    claim = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "data"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Mi"}}},
    }
    control_plane.apply(claim, namespace)
    volumes = [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}]

    # When one pod writes, and is gone
    control_plane.apply(pod("writer", shell_image, "echo kept > /data/file", volumes=volumes), namespace)
    finish(control_plane, namespace, "writer")
    control_plane.delete("v1/Pod", "writer", namespace, grace=0)
    wait_for(lambda: control_plane.find("v1/Pod", "writer", namespace) is None, "the pod's end")

    # Then the next reads it
    control_plane.apply(pod("reader", shell_image, "busybox cat /data/file", volumes=volumes), namespace)
    assert finish(control_plane, namespace, "reader").strip() == "kept"


def test_an_image_is_found_by_the_digest_of_its_manifest(
    rig: Cluster, control_plane: Kube, namespace: str, shell_image: str
) -> None:
    digest = rig.load([])[shell_image]
    pinned = f"{shell_image.rpartition(':')[0]}@{digest}"

    control_plane.apply(pod("pinned", pinned, "echo ran"), namespace)

    assert finish(control_plane, namespace, "pinned").strip() == "ran"
