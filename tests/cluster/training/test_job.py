"""A training as a Job: admitted, followed and told, on a real API server; its node is played."""

from __future__ import annotations

import asyncio

import pytest
import yaml
from cluster.training.lab import TEMPLATE, TERMINATED, Command, Lab, Told, train, until
from headrace.cli.train_on_kubernetes import exit_of_job
from headrace.contract.errors import JobUnknown, PlanError
from headrace.local.ports import choose
from headrace.runtime.exits import Exit
from headrace.training_job.api import connect
from headrace.training_job.follow import follow
from headrace.training_job.manifest import PREDICTION
from headrace.training_job.progress import Ending
from rig.cluster.kube import wait_for
from rig.proxy.tcp import TcpFault, TcpProxy
from rig.tls import MAY_OUTLIVE_ITS_LOOP

pytestmark = MAY_OUTLIVE_ITS_LOOP


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
