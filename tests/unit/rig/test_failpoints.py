"""Failpoints: each hooks onto a function that exists, and goes off when, where and how it was told to."""

from __future__ import annotations

import inspect
import os
from pathlib import Path
from typing import NoReturn

import pytest
from rig.failpoints.board import Board
from rig.failpoints.events import Events, read_events
from rig.failpoints.points import CELLS, HOOKS, SERVICES, Hook
from rig.failpoints.spec import KILLED, FailpointRaised, Spec
from rig.failpoints.wrap import Trip, owner_of


class Work:
    """Something with a point before one function and after another, one of them asynchronous."""

    def __init__(self) -> None:
        self.done: list[str] = []

    def plain(self, what: str) -> str:
        self.done.append(what)
        return what

    async def asynchronous(self, what: str) -> str:
        self.done.append(what)
        return what


@pytest.fixture
def board(tmp_path: Path) -> Board:
    return Board(tmp_path / "x.board")


@pytest.fixture
def trip(board: Board, tmp_path: Path) -> Trip:
    return Trip(board, Events(tmp_path / "x.events"))


@pytest.mark.parametrize("hook", HOOKS, ids=lambda hook: f"{hook.point}-{hook.owner}")
def test_each_point_is_a_function_that_exists(hook: Hook) -> None:
    function = getattr(owner_of(hook.owner), hook.name)
    assert inspect.isfunction(function)


def test_every_service_has_the_points_of_a_turn_and_of_a_rebalance() -> None:
    for service in SERVICES:
        own = {point for point, of in CELLS if of == service}
        assert own >= {
            "after_poll",
            "after_gate",
            "after_stage",
            "before_commit",
            "after_commit",
            "in_revoke",
            "in_assign",
        }


@pytest.mark.parametrize("text", ["after_poll:exit:1", "in_assign:sleep:3:0.5", "after_gate:raise:2"])
def test_a_failpoint_is_text_and_back(text: str) -> None:
    assert str(Spec.parse(text)) == text


@pytest.mark.parametrize("text", ["after_poll", "after_poll:explode:1", "after_poll:sleep:1:2:3", "a:exit:x"])
def test_what_is_no_failpoint_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        Spec.parse(text)


def test_it_goes_off_at_the_nth_time_and_only_then(board: Board, trip: Trip, tmp_path: Path) -> None:
    wrapped = trip.around(Hook("here", (), "", "", "before"))(Work.plain)
    work = Work()
    board.arm("here:raise:3")
    assert [wrapped(work, "a"), wrapped(work, "b")] == ["a", "b"]
    with pytest.raises(FailpointRaised, match="here"):
        wrapped(work, "c")
    assert wrapped(work, "d") == "d"
    assert work.done == ["a", "b", "d"]
    events, _ = read_events(tmp_path / "x.events")
    assert [(event["what"], event["point"], event["mode"]) for event in events] == [("hit", "here", "raise")]


def test_another_point_does_not_count(board: Board, trip: Trip) -> None:
    board.arm("there:raise:1")
    assert trip.around(Hook("here", (), "", "", "before"))(Work.plain)(Work(), "a") == "a"


def test_a_call_that_does_not_count_does_not_pass_the_point(board: Board, trip: Trip) -> None:
    board.arm("here:raise:1")
    wrapped = trip.around(Hook("here", (), "", "", "before", lambda args: args[1] == "b"))(Work.plain)
    assert wrapped(Work(), "a") == "a"
    with pytest.raises(FailpointRaised):
        wrapped(Work(), "b")


async def test_after_means_that_the_work_is_done(board: Board, trip: Trip) -> None:
    work = Work()
    board.arm("here:raise:1")
    with pytest.raises(FailpointRaised):
        await trip.around(Hook("here", (), "", "", "after"))(Work.asynchronous)(work, "a")
    assert work.done == ["a"]


def test_exit_ends_the_process_as_a_kill_does(board: Board, trip: Trip, monkeypatch: pytest.MonkeyPatch) -> None:
    class Ended(BaseException):
        pass

    def end(status: int) -> NoReturn:
        raise Ended(status)

    monkeypatch.setattr(os, "_exit", end)
    board.arm("here:exit:1")
    with pytest.raises(Ended, match=str(KILLED)):
        trip.reached("here")


def test_a_board_is_shared(tmp_path: Path) -> None:
    mine, theirs = Board(tmp_path / "x.board"), Board(tmp_path / "x.board")
    mine.arm("here:exit:1")
    theirs.turns = 2
    assert (theirs.armed, mine.turns) == ("here:exit:1", 2)
    mine.arm("")
    assert theirs.armed == ""
