"""A Job followed to its end: its state, its warnings and its log, over any number of lost connections."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from headrace.contract.errors import ClusterUnavailable, JobUnknown
from headrace.training_job.api import Change, Cluster, Kind
from headrace.training_job.manifest import Object, container_of
from headrace.training_job.progress import Ending, Progress

_PATIENCE = 60.0  # seconds without any answer after which the API server counts as lost
_PAUSE = 1.0
_LAST_WORDS = 30.0  # seconds that the rest of the log may take once the Job has ended

Say = Callable[[str], None]


async def follow(cluster: Cluster, job: Object, say: Say, log: Say, patience: float = _PATIENCE) -> Ending:
    """Tell `say` how a Job goes and `log` what it prints, until it has ended.

    Raises JobUnknown when the API server does not answer for `patience` seconds, ClusterRefused when it says no.
    """
    follower = _Follower(cluster, job, say, log, patience)
    try:
        return await follower.run()
    except BaseExceptionGroup as errors:
        raise _first(errors) from errors


class _Follower:
    def __init__(self, cluster: Cluster, job: Object, say: Say, log: Say, patience: float) -> None:
        self._cluster = cluster
        self._name = str(job["metadata"]["name"])
        self._container = container_of(job)
        self._say = say
        self._log = log
        self._patience = patience
        self._progress = Progress(self._name)
        self._changed = asyncio.Condition()
        self._heard = asyncio.get_running_loop().time()

    async def run(self) -> Ending:
        async with asyncio.TaskGroup() as tasks:
            watches = [tasks.create_task(self._watch(kind)) for kind in Kind]
            reading = tasks.create_task(self._read_log())
            async with self._changed:
                await self._changed.wait_for(lambda: self._progress.finished)
            for watch in watches:
                watch.cancel()
            await self._see_pods()
            try:
                async with asyncio.timeout(_LAST_WORDS):
                    await reading
            except TimeoutError:
                self._say("the rest of the log did not come in time")
        return self._progress.ending()

    async def _watch(self, kind: Kind) -> None:
        while True:
            try:
                async for change in self._cluster.changes(kind, self._name):
                    self._answered()
                    await self._see(change)
            except ClusterUnavailable as error:
                self._unanswered(error)
            await asyncio.sleep(_PAUSE)

    async def _see(self, change: Change) -> None:
        lines: list[str] = []
        if change.kind is Kind.JOBS:
            lines = self._progress.see_job(change.object)
        elif change.object is not None:
            seen = self._progress.see_pod if change.kind is Kind.PODS else self._progress.see_event
            lines = seen(change.object)
        for line in lines:
            self._say(line)
        async with self._changed:
            self._changed.notify_all()

    async def _see_pods(self) -> None:
        """Learn the exit status: the Job's end may have been heard of before its pod's."""
        try:
            for pod in await self._cluster.pods(self._name):
                await self._see(Change(Kind.PODS, pod))
        except ClusterUnavailable as error:
            self._say(f"how its pod ended is not known: {error}")

    async def _read_log(self) -> None:
        progress, last = self._progress, ""
        async with self._changed:
            await self._changed.wait_for(lambda: progress.readable or progress.finished)
        while (pod := progress.readable) is not None:
            complete = progress.log_ended or progress.finished
            try:
                async for line in self._cluster.log(pod, self._container):
                    self._answered()
                    time, _, text = line.partition(" ")
                    if time > last:  # a connection that was lost is made anew, and tells everything anew
                        self._log(text)
                        last = time
            except ClusterUnavailable as error:
                self._unanswered(error)
                complete = False
            if complete:
                return
            await asyncio.sleep(_PAUSE)

    def _answered(self) -> None:
        self._heard = asyncio.get_running_loop().time()

    def _unanswered(self, error: ClusterUnavailable) -> None:
        silent = asyncio.get_running_loop().time() - self._heard
        if silent > self._patience:
            raise JobUnknown(
                f"how job {self._name} ends is not known: no answer for {silent:.0f} s: {error}"
            ) from error


def _first(error: BaseException) -> BaseException:
    """What went wrong first: the tasks beside it were only cancelled."""
    return _first(error.exceptions[0]) if isinstance(error, BaseExceptionGroup) else error
