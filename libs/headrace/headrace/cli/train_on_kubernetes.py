"""`headrace train --on kubernetes`: a training as a Job, followed on the terminal."""

from __future__ import annotations

import asyncio
import getpass
import sys
from dataclasses import dataclass
from pathlib import Path

import typer

from headrace.contract.errors import PlanError
from headrace.contract.plan import Plan
from headrace.runtime.exits import Exit
from headrace.training_job.api import connect
from headrace.training_job.follow import follow
from headrace.training_job.manifest import Object, TrainingRun, container_of, template_name, tenant_namespace
from headrace.training_job.progress import Ending
from headrace.training_job.submit import new_name, submit

_INTERRUPTED = 130


@dataclass(frozen=True, slots=True)
class Place:
    """A pipeline on a cluster: its namespace, its training's template, and how a person came to it."""

    file: Path
    namespace: str
    context: str | None
    template: str

    @property
    def kubectl(self) -> str:
        """How kubectl is told of the same namespace."""
        context = f" --context {self.context}" if self.context else ""
        return f"kubectl -n {self.namespace}{context}"

    def follow_command(self, name: str) -> str:
        """What follows a training again."""
        more = f" --context {self.context}" if self.context else ""
        return f"headrace train {self.file} --on kubernetes --namespace {self.namespace}{more} --follow {name}"


def place_of(plan: Plan, file: Path, namespace: str | None, context: str | None) -> Place:
    """Where a pipeline file's pipeline runs."""
    pipeline = plan.pipeline
    return Place(file, namespace or tenant_namespace(pipeline.tenant), context, template_name(pipeline.name))


def train_there(place: Place, training: TrainingRun, *, detach: bool) -> int:
    """Start a training and follow it to its end; returns the exit status."""
    name = new_name(place.template)

    async def start() -> Object:
        async with connect(place.namespace, place.context) as cluster:
            return await submit(cluster, place.template, training, name, getpass.getuser())

    job = asyncio.run(start())
    arguments = " ".join(job["spec"]["template"]["spec"]["containers"][0]["args"])
    _say(f"job {name} of {place.namespace} runs `headrace {arguments}` with the pipeline file that is deployed there")
    if detach:
        _say_how_to_go_on(place, name)
        return Exit.DONE
    return _follow(place, job)


def follow_again(place: Place, name: str) -> int:
    """Follow a training that was started earlier; returns the exit status."""

    async def find() -> Object:
        async with connect(place.namespace, place.context) as cluster:
            job = await cluster.job(name)
        if job is None:
            raise PlanError(
                f"namespace {place.namespace} has no job {name}: it was deleted, or ended long ago;"
                f" {place.kubectl} get jobs lists what there is"
            )
        return job

    return _follow(place, asyncio.run(find()))


def _follow(place: Place, job: Object) -> int:
    name = str(job["metadata"]["name"])

    async def to_its_end() -> Ending:
        async with connect(place.namespace, place.context) as cluster:
            return await follow(cluster, job, _say, print)

    try:
        ending = asyncio.run(to_its_end())
    except KeyboardInterrupt:
        return _left(place, name)
    if ending.succeeded:
        _say(f"job {name} has succeeded")
        return Exit.DONE
    print(f"headrace: job {name} has failed: {ending.why}", file=sys.stderr)
    print(f"    its log, while it is kept: {place.kubectl} logs job/{name} -c {container_of(job)}", file=sys.stderr)
    return exit_of_job(ending)


def exit_of_job(ending: Ending) -> int:
    """The exit status of the command: the program's own where it has one, as if it had run here."""
    if ending.status is None:
        return Exit.DONE if ending.succeeded else Exit.JOB
    if ending.status == 1:
        return Exit.FAULT  # Python's own: nobody planned for it
    return Exit(ending.status) if ending.status in set(Exit) else Exit.JOB


def _left(place: Place, name: str) -> int:
    """Ctrl-C leaves a training running unless somebody at the terminal says otherwise."""
    print(file=sys.stderr)
    if sys.stdin.isatty():
        try:
            if typer.confirm(f"Stop job {name}, too?", default=False, err=True):
                asyncio.run(_delete(place, name))
                _say(f"job {name} is deleted")
                return _INTERRUPTED
        except typer.Abort:
            print(file=sys.stderr)
    _say_how_to_go_on(place, name)
    return _INTERRUPTED


async def _delete(place: Place, name: str) -> None:
    async with connect(place.namespace, place.context) as cluster:
        await cluster.delete(name)


def _say_how_to_go_on(place: Place, name: str) -> None:
    _say(f"job {name} goes on")
    _say(f"follow it: {place.follow_command(name)}")
    _say(f"stop it:   {place.kubectl} delete job {name}")


def _say(line: str) -> None:
    """State goes to stderr: stdout is the training's own log, as if it had run here."""
    print(f"headrace: {line}", file=sys.stderr, flush=True)
