"""Who may what, every cell of it, as the API server's own authoriser answers."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import pytest
from cluster.manifests.rights import ASKED, PLACES, ROWS, cells, row
from cluster.manifests.shown import TENANTS, Shown
from rig.cluster.kube import Kube, Object
from rig.cluster.questions import Question, allowed
from rig.cluster.report import Scenario

AUTOSCALER = "system:serviceaccount:kube-system:horizontal-pod-autoscaler"
METRIC = "headrace_desired_replicas.external.metrics.k8s.io"
LAG = "system:serviceaccount:headrace-system:lag"


@pytest.fixture
def kube(shown: Shown, control_plane: Kube) -> Kube:
    """The cluster with every role of the suite: dev has all that the other overlays have, and `debug`."""
    shown.show("overlays/dev", *TENANTS)
    return control_plane


@pytest.mark.parametrize("subject", ROWS)
def test_who_may_what(subject: str, kube: Kube, scenario: Scenario) -> None:
    asked = cells(subject)
    answers = allowed(kube, [Question(subject, *cell) for cell in asked])
    scenario.figure("cells", float(len(asked)))
    assert {cell for cell, yes in zip(asked, answers, strict=True) if yes} == row(subject)


def test_the_autoscaler_may_ask_for_the_desired_replicas_in_every_namespace(kube: Kube) -> None:
    # By the suite's role; Kubernetes' own for that controller gives as much
    asked = list(product(PLACES, ("get", "list", "create", "update", "patch", "delete")))
    answers = allowed(kube, [Question(AUTOSCALER, place, METRIC, verb) for place, verb in asked])
    assert {cell for cell, yes in zip(asked, answers, strict=True) if yes} == set(product(PLACES, ("get", "list")))


def test_the_lag_service_reads_one_config_map_of_kube_system_and_no_other(kube: Kube) -> None:
    names = ("extension-apiserver-authentication", "kubeadm-config", "")
    asked = list(product(names, ("get", "update", "patch", "delete")))
    answers = allowed(kube, [Question(LAG, "kube-system", "configmaps", verb, name) for name, verb in asked])
    assert {cell for cell, yes in zip(asked, answers, strict=True) if yes} == {(names[0], "get")}


def test_every_subject_and_every_right_of_every_role_has_its_cells(shown: Shown) -> None:
    # Given every manifest of the project
    everything = shown.everything()
    accounts = {_account(each["metadata"]) for each in everything if each["kind"] == "ServiceAccount"}
    bindings = [each for each in everything if each["kind"] in ("RoleBinding", "ClusterRoleBinding")]
    roles = [each for each in everything if each["kind"] in ("Role", "ClusterRole")]

    # Then each account and each subject of a binding is a row, each role is somebody's, and what it gives is asked
    assert accounts | set(_subjects(bindings)) == {*ROWS, AUTOSCALER}
    bound = {each["roleRef"]["name"] for each in bindings}
    assert {each["metadata"]["name"] for each in roles} <= bound
    assert {right for each in roles for right in _rights(each)} <= ASKED


def test_the_cluster_that_is_asked_has_every_role_of_every_overlay(shown: Shown) -> None:
    asked_of = [each for overlay in ("overlays/dev", *TENANTS) for each in shown.rendered(overlay)]
    asked_of += shown.administered()
    assert {_access(each) for each in shown.everything()} - {_access(each) for each in asked_of} == set()


@pytest.mark.parametrize(
    "words", ["get pods", "get secrets", "delete deployment meters-lake", "create job mine --image a"]
)
@pytest.mark.parametrize("who", ["deployers", "trainers", "viewers", "orders-ingestion", "orders-topics"])
def test_another_tenant_is_refused_in_words(who: str, words: str, kube: Kube, shown: Shown) -> None:
    if who.startswith("orders-"):
        identity = ["--as", f"system:serviceaccount:headrace-blue:{who}"]
    else:
        identity = ["--as", "somebody", "--as-group", f"headrace:blue:{who}"]

    done = shown.kubectl("--namespace", "headrace-green", *identity, *words.split())

    assert done.returncode == 1
    assert "orbidden" in done.stderr
    assert 'in the namespace "headrace-green"' in done.stderr


def _account(metadata: Object) -> str:
    return f"system:serviceaccount:{metadata['namespace']}:{metadata['name']}"


def _subjects(bindings: list[Object]) -> Iterator[str]:
    for subject in (each for binding in bindings for each in binding["subjects"]):
        yield _account(subject) if subject["kind"] == "ServiceAccount" else subject["name"]


def _rights(role: Object) -> Iterator[tuple[str, str]]:
    for rule in role["rules"]:
        for group, resource, verb in product(rule["apiGroups"], rule["resources"], rule["verbs"]):
            yield f"{resource}.{group}".rstrip("."), verb


def _access(manifest: Object) -> str:
    """What the authoriser goes by, as a text; empty for anything else."""
    if manifest["kind"] not in ("ServiceAccount", "Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding"):
        return ""
    return str({key: value for key, value in manifest.items() if key != "metadata"} | _named(manifest))


def _named(manifest: Object) -> Object:
    return {key: manifest["metadata"].get(key) for key in ("name", "namespace")}
