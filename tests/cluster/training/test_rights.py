"""What somebody must be allowed to train on a cluster: exactly that, and each right that is missing is named."""

from __future__ import annotations

import asyncio

import pytest
from cluster.training.lab import TERMINATED, Lab, Told, train, until
from cluster.training.roles import TRAINER, rules_of
from headrace.contract.errors import ClusterRefused
from headrace.training_job.manifest import Object
from rig.tls import MAY_OUTLIVE_ITS_LOOP

pytestmark = MAY_OUTLIVE_ITS_LOOP

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


def rules_for(rights: set[tuple[str, str]]) -> list[Object]:
    """Rules that give exactly these rights, a resource and a verb each."""
    groups = {"jobs": "batch", "cronjobs": "batch"}
    return [
        {"apiGroups": [groups.get(resource, "")], "resources": [resource], "verbs": [verb]} for resource, verb in rights
    ]


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
