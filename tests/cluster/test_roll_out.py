"""What the workflows of `headrace new` apply, a real API server takes from a deployer, who may do nothing else."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml
from headrace.local.places import PROJECT_ROOT
from rig.cluster.cluster import Cluster
from rig.workflows.new_repository import new_repository, released

TENANT = "headrace-rollout"
WORKFLOW = "github:repo:ORG/parcels:environment:prod"

Step = Callable[[str], subprocess.CompletedProcess[str]]
Kubectl = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def own(own_cluster: Cluster | None) -> Cluster:
    """The rig's own cluster: what is applied here is cluster-wide."""
    if own_cluster is None:
        pytest.skip("this scenario applies what is cluster-wide, and KUBECONFIG names a cluster that is not the rig's")
    return own_cluster


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new repository."""
    return new_repository(tmp_path_factory.mktemp("roll-out"), "parcels", "rollout")


@pytest.fixture(scope="module")
def environment(repository: Path) -> dict[str, str]:
    """An environment in which git finds a release of this tree as the suite's."""
    return {**os.environ, **released(repository.parent)}


@pytest.fixture(scope="module")
def kubectl(own: Cluster, repository: Path, environment: dict[str, str]) -> Iterator[Kubectl]:
    """kubectl as an administrator, who has applied the repository's tenant and lets the workflow deploy into it.

    That is the one binding that the repository's README asks for.
    """

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [str(own.kubectl), "--kubeconfig", str(own.kubeconfig), *arguments]
        return subprocess.run(command, cwd=repository, env=environment, capture_output=True, text=True, timeout=200)

    admin = str(PROJECT_ROOT / "k8s")
    role = ("--clusterrole", "headrace-tenant-deployer", "--user", WORKFLOW)
    for words in (
        ("apply", "--kustomize", admin),
        ("apply", "--kustomize", "deploy/tenant"),
        ("--namespace", TENANT, "create", "rolebinding", "parcels-deploy", *role),
    ):
        done = run(*words)
        assert done.returncode == 0, done.stderr
    yield run
    run("delete", "namespace", TENANT, "--wait=false")
    run("delete", "--kustomize", admin, "--ignore-not-found", "--wait=false")


@pytest.fixture(scope="module")
def apply_step(
    own: Cluster, repository: Path, environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Step:
    """The step `Apply` of the repository's rollout.yml, run as the workflow's identity in the tenant's namespace."""
    configuration = yaml.safe_load(own.kubeconfig.read_text())
    configuration["users"][0]["user"]["as"] = WORKFLOW
    configuration["contexts"][0]["context"]["namespace"] = TENANT
    kubeconfig = tmp_path_factory.mktemp("identity") / "kubeconfig"
    kubeconfig.write_text(yaml.safe_dump(configuration))
    job = yaml.safe_load((repository / ".github/workflows/rollout.yml").read_text())["jobs"]["rollout"]
    script = next(step["run"] for step in job["steps"] if step.get("name") == "Apply")
    told = {
        "KUBECONFIG": str(kubeconfig),
        "PATH": f"{own.kubectl.parent}:{os.environ['PATH']}",
        "RUNNER_TEMP": str(kubeconfig.parent),
    }

    def run(name: str) -> subprocess.CompletedProcess[str]:
        variables = {**environment, **told, "ENVIRONMENT": name}
        command = ["bash", "-e", "-c", script]
        return subprocess.run(command, cwd=repository, env=variables, capture_output=True, text=True, timeout=200)

    return run


def test_a_merge_rolls_out_with_the_rights_of_a_deployer_alone(kubectl: Kubectl, apply_step: Step) -> None:
    # Given what an administrator has applied
    before = _generations(kubectl)

    # When the workflow's step runs for what has not changed, and then for another environment's connections
    same = apply_step("prod")
    unchanged = _generations(kubectl)
    other = apply_step("staging")

    # Then both are taken, and only a change rolls pods
    assert same.returncode == 0, same.stderr
    assert unchanged == before
    assert other.returncode == 0, other.stderr
    assert all(after == 2 for after in _generations(kubectl).values())


def test_another_image_is_another_job_for_the_topics_beside_the_last(
    kubectl: Kubectl, apply_step: Step, repository: Path
) -> None:
    # Given the topics Job of one image; a Job cannot be changed
    assert apply_step("prod").returncode == 0
    before = _jobs(kubectl)

    # When the same is applied with another image
    deployed = repository / "deploy/prod/kustomization.yaml"
    image = {"name": "ghcr.io/headrace/headrace-cli", "digest": f"sha256:{8:064x}"}
    deployed.write_text(f"{deployed.read_text()}\n{yaml.safe_dump({'images': [image]})}")
    again = apply_step("prod")

    # Then it is taken, and the Job is another one
    assert again.returncode == 0, again.stderr
    (new,) = _jobs(kubectl) - before
    assert f"job.batch/{new}" in again.stdout.splitlines()


def test_a_workflow_cannot_touch_what_is_the_administrators(kubectl: Kubectl) -> None:
    for words in (
        ("get", "secrets"),
        ("delete", "resourcequota", "tenant"),
        ("delete", "networkpolicy", "default-deny"),
        ("create", "rolebinding", "more", "--clusterrole", "admin", "--user", WORKFLOW),
    ):
        done = kubectl("--as", WORKFLOW, "--namespace", TENANT, *words)
        assert done.returncode == 1, words
        assert "orbidden" in done.stderr, words


def _jobs(kubectl: Kubectl) -> set[str]:
    """The names of the tenant's Jobs."""
    shown = kubectl("--namespace", TENANT, "get", "jobs", "--output", "jsonpath={.items[*].metadata.name}")
    return set(shown.stdout.split())


def _generations(kubectl: Kubectl) -> dict[str, int]:
    """How often the specification of each workload has changed."""
    path = "{range .items[*]}{.metadata.name} {.metadata.generation}{'\\n'}{end}"
    shown = kubectl("--namespace", TENANT, "get", "deployments,statefulsets", "--output", f"jsonpath={path}")
    lines = [line.split() for line in shown.stdout.splitlines() if line]
    assert len(lines) == 5, shown.stderr
    return {name: int(generation) for name, generation in lines}
