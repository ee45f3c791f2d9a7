"""The supervisor starts, watches and ends services, and restarts none by itself."""

from __future__ import annotations

import signal

import pytest
from headrace.contract.errors import StackError
from headrace.local import service, services
from rig.toy_services import Toys, until

ALL = ("weir-0", "weir-1", "sluice-0")


def test_every_instance_is_told_where_things_are_and_who_it_is(toys: Toys) -> None:
    # Given services that can become ready, when they are started and waited for
    toys.ready.touch()
    with toys:
        toys.wait_ready("weir", "sluice")
        # Then each has a port of its own and was told everything by its environment
        assert len({one.port for one in toys}) == 3
        for name in ALL:
            said = toys[name].child.log.read_text().split()
            assert said == ["told", "127.0.0.1:1", "http://127.0.0.1:2", "bucket", "someone", "hush", name]
            assert toys[name].ready
            assert toys[name].memory() > 1 << 20
    # And at the end each of them has handed over
    assert {name: toys[name].child.exit_code for name in ALL} == dict.fromkeys(ALL, 0)
    assert all("handed over" in toys[name].child.log.read_text() for name in ALL)


def test_who_is_not_ready_says_why(toys: Toys, monkeypatch: pytest.MonkeyPatch) -> None:
    # Given a service that waits for something
    toys.start("weir-0")
    until(lambda: toys["weir-0"].not_ready() == "waiting for a file", "it answers")
    # When nobody gives it that, then waiting for it ends with one clear message
    monkeypatch.setattr(service, "_READY_SECONDS", 0.1)
    with pytest.raises(
        StackError, match=r"weir-0 is not ready after 0 s: waiting for a file; see its log .*weir-0.log"
    ):
        toys["weir-0"].wait_ready()


def test_who_ends_by_itself_is_reported_with_its_last_words(toys: Toys) -> None:
    # Given services at work
    toys.start_all()
    assert toys.fallen() == []
    # When all end by themselves, and one of them was ended on purpose
    toys.kill("weir-1")
    toys.end.write_text("12")
    until(lambda: len(toys.fallen()) == 2, "two ended")
    # Then those that nobody ended are reported, with status and log
    assert [one.instance for one in toys.fallen()] == ["sluice-0", "weir-0"]
    said = str(toys["weir-0"].child.died())
    assert "weir-0 ended by itself (exit status 12)" in said
    assert "cannot go on" in said
    # And waiting for it does not take the whole deadline
    with pytest.raises(StackError, match="weir-0 ended by itself"):
        toys["weir-0"].wait_ready()
    # And it runs again when the caller wants so
    toys.end.unlink()
    toys.start("weir-0")
    assert [one.instance for one in toys.fallen()] == ["sluice-0"]


def test_who_does_not_end_when_told_is_killed(toys: Toys, monkeypatch: pytest.MonkeyPatch) -> None:
    # Given services that ignore SIGTERM, and one deadline for all
    toys.deaf.touch()
    toys.ready.touch()
    toys.start_all()
    toys.wait_ready("weir", "sluice")
    monkeypatch.setattr(services, "STOP_SECONDS", 0.3)
    # When they are stopped, then they are killed after it
    assert toys.stop_all() == dict.fromkeys(ALL, -signal.SIGKILL)
    assert toys.fallen() == []


def test_a_frozen_service_is_ended_too(toys: Toys) -> None:
    toys.ready.touch()
    toys.start("sluice-0")
    toys.wait_ready("sluice")
    toys["sluice-0"].child.pause()
    assert toys.stop("sluice-0") == 0
