"""What a Job's story means: lines on the way, and how it ended."""

from __future__ import annotations

import pytest
from headrace.training_job.manifest import Object
from headrace.training_job.progress import Ending, Progress
from unit.training_job.stories import COMPLETE, FAILED, JOB, POD, RUNNING, UNSCHEDULABLE, ended, job, pod, true, warning


def test_a_training_that_goes_well_is_told_once_and_has_succeeded() -> None:
    progress = Progress(JOB)
    lines = [
        *progress.see_job(job()),
        *progress.see_pod(pod()),
        *progress.see_pod(pod(conditions=[UNSCHEDULABLE])),
        *progress.see_pod(pod(conditions=[UNSCHEDULABLE])),
        *progress.see_pod(pod("Pending", {"waiting": {"reason": "ContainerCreating"}}, "lab")),
    ]
    assert progress.readable is None

    lines += [*progress.see_pod(RUNNING), *progress.see_pod(RUNNING)]
    assert [progress.readable, progress.log_ended, progress.finished] == [POD, False, False]

    lines += [*progress.see_pod(ended(0, "Completed")), *progress.see_job(COMPLETE)]
    assert lines == [
        "waits for a node: 0/1 nodes are available: 1 Insufficient nvidia.com/gpu.",
        "starts on node lab",
        f"runs in pod {POD} on node lab",
    ]
    assert (progress.log_ended, progress.finished) == (True, True)
    assert progress.ending() == Ending(True, 0, "")


@pytest.mark.parametrize(
    ("reason", "message"),
    [
        ("ImagePullBackOff", 'Back-off pulling image "ghcr.io/headrace/headrace-cli@sha256:abc"'),
        ("ErrImageNeverPull", "Container image is not present with pull policy of Never"),
        ("CreateContainerConfigError", 'configmap "flights-connections" not found'),
    ],
)
def test_what_keeps_a_container_from_starting_is_told(reason: str, message: str) -> None:
    seen = pod("Pending", {"waiting": {"reason": reason, "message": message}}, "lab")
    assert Progress(JOB).see_pod(seen) == [f"cannot start: {reason}: {message}"]


def test_warnings_of_the_job_and_its_pods_are_told_and_no_others() -> None:
    progress = Progress(JOB)
    quota = warning("FailedCreate", "exceeded quota: tenant, requested: pods=1", JOB, "Job")
    mount = warning("FailedMount", 'MountVolume.SetUp failed for volume "pipeline": configmap "p" not found')
    others = [
        warning("FailedMount", "of another job", "flights-training-9z9z9z-aaaaa"),
        warning("FailedCreate", "of another", "flights-training-9z9z9z", "Job"),
        warning("FailedScheduling", "the pod says so itself"),
    ]

    told = [line for event in [quota, mount, *others, quota] for line in progress.see_event(event)]

    assert told == [
        "FailedCreate: exceeded quota: tenant, requested: pods=1",
        'FailedMount: MountVolume.SetUp failed for volume "pipeline": configmap "p" not found',
    ]


def test_a_job_that_a_queue_holds_back_waits() -> None:
    assert Progress(JOB).see_job(job(true("Suspended", "JobSuspended", "Job suspended"))) == [
        "waits: the job is suspended: Job suspended"
    ]


DISRUPTED = true("DisruptionTarget", "EvictionByEvictionAPI", "Eviction API: evicting")
DEADLINE = job(true("Failed", "DeadlineExceeded", "Job was active longer than specified deadline"))


@pytest.mark.parametrize(
    ("story", "status", "why"),
    [
        ([ended(20), FAILED], 20, "its program ended with status 20"),
        ([FAILED, ended(20)], 20, "its program ended with status 20"),
        ([ended(137, "OOMKilled"), FAILED], None, "more memory than its limit"),
        ([RUNNING, DEADLINE], None, "took longer than it may: Job was active longer"),
        ([ended(143, conditions=[DISRUPTED]), FAILED], None, "taken away: EvictionByEvictionAPI"),
        (
            [pod("Failed", None, "lab", reason="Evicted", message="low on memory"), FAILED],
            None,
            "Evicted: low on memory",
        ),
        ([FAILED], None, "BackoffLimitExceeded: Job has reached"),
        ([RUNNING, None], None, "it was deleted"),
    ],
)
def test_a_failure_says_who_ended_it(story: list[Object | None], status: int | None, why: str) -> None:
    progress = Progress(JOB)
    for seen in story:
        if seen is None or seen["metadata"]["name"] == JOB:
            progress.see_job(seen)
        else:
            progress.see_pod(seen)

    assert progress.finished
    ending = progress.ending()
    assert (ending.succeeded, ending.status) == (False, status)
    assert why in ending.why
