"""What somebody in front of `headrace local up` is told, and what is started again for them."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from headrace.contract.errors import StackError
from headrace.local.child import Child
from headrace.local.watch import Watch
from headrace.runtime.exits import Exit
from rig.toy_services import Toys, until


class Screen:
    """What was said so far, at a time that the test sets."""

    def __init__(self, toys: Toys) -> None:
        self.lines: list[str] = []
        self.now = 0.0
        self.watch = Watch([], toys, self.lines.append, lambda: self.now)

    def shows(self, text: str) -> bool:
        self.watch.look()
        return any(text in line for line in self.lines)


def test_readiness_is_told_once_and_a_reason_when_it_stays(toys: Toys) -> None:
    # Given a service that is not ready
    toys.start("sluice-0")
    screen = Screen(toys)
    until(lambda: toys["sluice-0"].not_ready() == "waiting for a file", "it answers")
    screen.watch.look()
    assert screen.lines == []
    # When that stays so, then the reason is told, once
    screen.now = 20.0
    screen.watch.look()
    screen.watch.look()
    assert screen.lines == ["sluice-0: not ready, waiting for a file"]
    # And that it became ready, once
    toys.ready.touch()
    screen.watch.look()
    screen.watch.look()
    assert screen.lines[1:] == ["sluice-0: ready"]


def test_a_fallen_service_is_started_again_after_a_pause_that_doubles(toys: Toys) -> None:
    # Given a service that fails at once, whenever it is started
    toys.end.write_text(str(Exit.BROKER.value))
    screen = Screen(toys)
    toys.start("sluice-0")
    # When one looks again and again, then each fall is told with status and last words, and the pauses double
    for pause in (1, 2, 4):
        until(lambda: screen.shows(f"starting it again in {pause} s"), "its fall is told")  # noqa: B023
        assert not toys["sluice-0"].child.alive
        screen.now += pause - 0.1
        screen.watch.look()
        assert not toys["sluice-0"].child.alive
        screen.now += 0.2
        screen.watch.look()
    assert len(screen.lines) == 3
    assert all("sluice-0 ended by itself (exit status 11)" in line and "cannot go on" in line for line in screen.lines)


def test_a_mistake_of_the_user_is_not_tried_again(toys: Toys) -> None:
    # Given a service that refuses its settings
    toys.end.write_text(str(Exit.USER.value))
    toys.start("sluice-0")
    until(lambda: not toys["sluice-0"].child.alive, "it ended")
    # Then looking ends with what it said
    with pytest.raises(StackError, match=r"sluice-0 ended by itself \(exit status 2\).*cannot go on"):
        Screen(toys).watch.look()


def test_a_server_that_ends_takes_everything_with_it(tmp_path: Path) -> None:
    # Given a server whose disk is full
    words = "print('No space left on device')"
    server = Child("kafka", [sys.executable, "-c", words], log=tmp_path / "kafka.log")
    server.start()
    assert server.wait(20) == 0
    # Then looking ends with its last words
    with pytest.raises(StackError, match=r"kafka ended by itself .* No space left on device"):
        Watch([server], None, print).look()
