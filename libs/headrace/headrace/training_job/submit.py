"""From a template to a Job that is there, for certain or not at all."""

from __future__ import annotations

import asyncio
import secrets

from headrace.contract.errors import ClusterUnavailable, JobUnknown
from headrace.training_job.api import Cluster
from headrace.training_job.manifest import Object, TrainingRun, job_of

_TRIES = 5
_PAUSE = 1.0


def new_name(template: str) -> str:
    """A name that nobody has: made here and not by the API server, so that an unanswered call can be repeated."""
    return f"{template}-{secrets.token_hex(3)}"


async def submit(cluster: Cluster, template: str, training: TrainingRun, name: str, submitted_by: str) -> Object:
    """Create the Job `name` from the CronJob `template`; returns it.

    Raises JobUnknown when nobody can say whether it was created; ClusterUnavailable, ClusterRefused and PlanError when
    it was not.
    """
    job = job_of(await cluster.template(template), training, name, submitted_by)
    for attempt in range(_TRIES):
        try:
            await cluster.create(job)
            return job
        except ClusterUnavailable as error:
            lost = error
        await asyncio.sleep(_PAUSE * attempt)
    raise JobUnknown(f"nobody can say whether job {name} was created in {cluster.namespace}: {lost}") from lost
