"""A tenant as the templates draw it: its namespace, its rights, and roles that exist."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from headrace.cli.app import app
from headrace.local.places import PROJECT_ROOT
from headrace.manifests.objects import Manifest, labels, name, namespace, of_kind
from typer.testing import CliRunner

Build = Callable[[Path], list[Manifest]]

RUNNER = CliRunner()
TENANTS = PROJECT_ROOT / "kustomize/tenants"


@pytest.mark.parametrize("tenant", ["blue", "green"])
def test_what_a_tenant_may_in_kafka_and_s3_is_what_the_command_says(tenant: str) -> None:
    role = f"arn:aws:iam::111122223333:role/headrace-{tenant}"
    acls = RUNNER.invoke(app, ["tenant", "acls", tenant])
    policy = RUNNER.invoke(app, ["tenant", "policy", tenant, "--bucket", "headrace-prod", "--principal", role])
    assert (TENANTS / tenant / "access/kafka-acls.txt").read_text() == acls.stdout
    assert (TENANTS / tenant / "access/s3-policy.json").read_text() == policy.stdout


@pytest.mark.parametrize("tenant", ["blue", "green"])
def test_nothing_of_the_template_keeps_its_placeholder(tenant: str, kustomized: Build) -> None:
    manifests = kustomized(PROJECT_ROOT / "kustomize/tenants" / tenant)
    assert {namespace(each) for each in manifests} == {"", f"headrace-{tenant}"}
    assert "headrace-any" not in str(manifests)
    assert "headrace:any:" not in str(manifests)
    (own,) = of_kind(manifests, "Namespace")
    assert (name(own), labels(own)["headrace.dev/tenant"]) == (f"headrace-{tenant}", tenant)


def test_every_role_that_is_bound_and_every_priority_exists(kustomized: Build) -> None:
    # Given an overlay beside what an administrator has applied
    manifests = [*kustomized(PROJECT_ROOT / "kustomize/overlays/prod"), *kustomized(PROJECT_ROOT / "k8s")]
    made = {name(each) for each in of_kind(manifests, "ClusterRole", "Role")}
    bound = {each["roleRef"]["name"] for each in of_kind(manifests, "RoleBinding", "ClusterRoleBinding")}
    assert bound - made == {"extension-apiserver-authentication-reader"}  # Kubernetes' own
    assert made - bound == set()
    wanted = {word.partition('"')[0] for word in json.dumps(manifests).split('"priorityClassName": "')[1:]}
    assert wanted == {name(each) for each in of_kind(manifests, "PriorityClass")}
