"""Following over connections that come and go; the API server is a script."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import cast

import pytest
from headrace.contract.errors import ClusterRefused, ClusterUnavailable, JobUnknown
from headrace.training_job import follow as module
from headrace.training_job.api import Change, Cluster, Kind
from headrace.training_job.follow import follow
from headrace.training_job.manifest import Object, TrainingRun
from headrace.training_job.progress import Ending
from headrace.training_job.submit import submit
from unit.training_job.stories import COMPLETE, FAILED, RUNNING, ended, job
from unit.training_job.test_manifest import TEMPLATE

LOST = ClusterUnavailable("connection reset")


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_PAUSE", 0.001)
    monkeypatch.setattr("headrace.training_job.submit._PAUSE", 0.001)


class Script:
    """A Cluster that answers each question with the next of its answers, the last one for ever; errors are raised."""

    namespace = "headrace-default"

    def __init__(self, **answers: list[object]) -> None:
        self._answers = answers
        self.asked: list[str] = []

    def _next(self, what: str) -> object:
        self.asked.append(what)
        left = self._answers.get(what, [[]])
        return left.pop(0) if len(left) > 1 else left[0]

    async def changes(self, kind: Kind, name: str) -> AsyncIterator[Change]:
        for item in cast("list[object]", self._next(kind.value)):
            await asyncio.sleep(0)
            if isinstance(item, Exception):
                raise item
            yield Change(kind, cast("Object | None", item))

    async def log(self, pod: str, container: str) -> AsyncIterator[str]:
        assert container == "service"
        for item in cast("list[object]", self._next("log")):
            if isinstance(item, Exception):
                raise item
            yield cast("str", item)

    async def pods(self, name: str) -> list[Object]:
        return cast("list[Object]", self._next("last_pods"))

    async def template(self, name: str) -> Object:
        return TEMPLATE

    async def create(self, body: Object) -> None:
        if isinstance(found := self._next("create"), Exception):
            raise found


def at(second: int, text: str) -> str:
    """A line of a log behind its time."""
    return f"2026-01-01T00:00:{second:02}.000000000Z {text}"


def told_by(script: Script, patience: float = 5.0) -> tuple[Ending, list[str], list[str]]:
    """Follow to the end; how it ended, what was said and what was printed."""
    said: list[str] = []
    printed: list[str] = []
    ending = asyncio.run(follow(cast("Cluster", script), job(), said.append, printed.append, patience))
    return ending, said, printed


def test_the_log_is_whole_and_told_once_over_dropped_connections() -> None:
    first, second, third = at(1, "Reading features"), at(2, "Published"), at(3, "champion is version 1")
    script = Script(
        jobs=[[job()], [LOST], [job()], [COMPLETE]],
        pods=[[RUNNING], [LOST], [RUNNING], [ended(0)]],
        log=[[first, LOST], [], [first, second], [LOST], [first, second, third]],
        last_pods=[[ended(0)]],
    )

    ending, said, printed = told_by(script)

    assert ending.succeeded
    assert printed == ["Reading features", "Published", "champion is version 1"]
    assert len(said) == 1


def test_the_exit_status_is_learnt_when_the_jobs_end_comes_before_the_pods() -> None:
    ending, _, _ = told_by(Script(jobs=[[job()], [FAILED]], pods=[[RUNNING]], last_pods=[[ended(20)]]))
    assert (ending.succeeded, ending.status) == (False, 20)


def test_an_api_server_that_stays_away_leaves_the_end_unknown() -> None:
    script = Script(jobs=[[job()], [LOST]], pods=[[RUNNING], [LOST]], events=[[LOST]], log=[[LOST]])
    with pytest.raises(JobUnknown, match=r"how job .* ends is not known: no answer for .*connection reset"):
        told_by(script, patience=0.05)


def test_one_answer_is_enough_to_go_on() -> None:
    script = Script(jobs=[[LOST]] * 40 + [[COMPLETE]], pods=[[RUNNING]], log=[[at(1, "ran")]], last_pods=[[ended(0)]])
    assert told_by(script, patience=0.5)[0].succeeded


def test_a_refusal_ends_it_at_once() -> None:
    with pytest.raises(ClusterRefused, match="you may not list and watch events"):
        told_by(Script(jobs=[[job()]], events=[[ClusterRefused("you may not list and watch events")]]))


def create(script: Script) -> Object:
    """Submit."""
    return asyncio.run(
        submit(cast("Cluster", script), "flights-training", TrainingRun("late", "champion", 1), "job-1", "ada")
    )


def test_a_creation_without_an_answer_is_repeated_under_the_same_name() -> None:
    script = Script(create=[LOST, LOST, None])
    assert create(script)["metadata"]["name"] == "job-1"
    assert script.asked == ["create"] * 3


def test_a_creation_that_is_never_answered_is_unknown_and_not_failed() -> None:
    with pytest.raises(JobUnknown, match="nobody can say whether job job-1 was created"):
        create(Script(create=[LOST]))


def test_a_creation_that_is_refused_is_not_repeated() -> None:
    script = Script(create=[ClusterRefused("you may not create jobs")])
    with pytest.raises(ClusterRefused):
        create(script)
    assert script.asked == ["create"]
