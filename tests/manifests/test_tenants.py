"""A tenant's bounds as an administrator's templates draw them: its own keys, topics and groups, and nobody else's."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from fnmatch import fnmatchcase
from pathlib import Path

import pytest
from headrace.contract.load import load_pipeline
from headrace.contract.plan import make_plan
from headrace.contract.topic_list import plan_topics
from headrace.lake.tables import lake_tables
from headrace.local.places import PROJECT_ROOT
from headrace.manifests.objects import Manifest, labels, name, namespace, of_kind

Build = Callable[[Path], list[Manifest]]

TEMPLATE = PROJECT_ROOT / "k8s/tenant-template"
PLAN = make_plan(load_pipeline((PROJECT_ROOT / "kustomize/tenants/blue/orders.yaml").read_text(), "orders.yaml"))
KEYS = [
    *(f"{table.root}/_delta_log/00000000000000000000.json" for table in lake_tables(PLAN)),
    *(f"snapshots/cleaning/{topic}/id/0/7" for topic in plan_topics(PLAN)),
    *(f"topics/blue/orders/{topic}" for topic in plan_topics(PLAN)),
    "models/blue/comes_back/versions/1/manifest.json",
    "_headrace/probe/0a1b/counter",
]


def _resources(tenant: str) -> list[str]:
    policy = json.loads((TEMPLATE / "s3-policy.json").read_text().replace("TENANT", tenant).replace("BUCKET", "b"))
    return [each.removeprefix("arn:aws:s3:::b/") for each in policy["Statement"][0]["Resource"]]


@pytest.mark.parametrize("key", KEYS)
def test_the_store_is_open_for_each_kind_of_key_of_the_tenant(key: str) -> None:
    assert any(fnmatchcase(key, pattern) for pattern in _resources("blue"))


@pytest.mark.parametrize("other", ["green", "blu", "blue2"])
def test_the_store_is_closed_for_every_key_of_another_tenant(other: str) -> None:
    own = [key for key in KEYS if not key.startswith("_headrace/probe")]  # the probe's keys are random and short-lived
    assert not [key for key in own for pattern in _resources(other) if fnmatchcase(key, pattern)]


def test_kafka_is_open_for_what_begins_with_the_tenants_name_and_a_dot(tmp_path: Path) -> None:
    # Given Kafka's tool, here one that notes how it is called
    tool = tmp_path / "kafka-acls.sh"
    tool.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/calls\n')
    tool.chmod(0o755)
    # When the template is run for a tenant
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    command = [str(TEMPLATE / "kafka-acls.sh"), "kafka:9094", "blue", "User:blue", "--command-config", "admin"]
    subprocess.run(command, check=True, env=environment)
    # Then it adds two sets of rights, by prefix, to that principal alone
    calls = [call.split() for call in (tmp_path / "calls").read_text().splitlines()]
    assert [call[call.index(kind) + 1] for call, kind in zip(calls, ("--topic", "--group"), strict=True)] == [
        "blue."
    ] * 2
    for call in calls:
        assert call[:4] == ["--bootstrap-server", "kafka:9094", "--command-config", "admin"]
        assert "--add --allow-principal User:blue --resource-pattern-type prefixed" in " ".join(call)
    # And every topic of its pipeline begins so
    assert all(topic.startswith("blue.") for topic in plan_topics(PLAN))


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
