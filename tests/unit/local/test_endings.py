"""Whoever ends a command, and however: it is Ctrl-C."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from headrace.contract.errors import StackError
from headrace.local import child
from headrace.local.child import Child, expect_alive
from headrace.local.endings import as_ctrl_c


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_kill_and_a_closed_terminal_end_it_like_ctrl_c(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    with pytest.raises(KeyboardInterrupt), as_ctrl_c():
        os.kill(os.getpid(), number)
    assert signal.getsignal(number) is before


def test_ctrl_c_is_not_lost_in_a_library_that_swallows_cancellations() -> None:
    async def work() -> None:
        with suppress(asyncio.CancelledError):
            os.kill(os.getpid(), signal.SIGINT)
            await asyncio.sleep(20)

    with pytest.raises(KeyboardInterrupt), as_ctrl_c():
        asyncio.run(work())


def test_ctrl_c_that_was_swallowed_is_still_told() -> None:
    with as_ctrl_c() as told:
        assert not told.is_set()
        with suppress(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGHUP)
        assert told.is_set()


@pytest.fixture
def ended(tmp_path: Path) -> Child:
    """A program that was killed by somebody."""
    program = Child("kafka", [sys.executable, "-c", "import os; os.kill(os.getpid(), 9)"], log=tmp_path / "kafka.log")
    program.start()
    program.wait(20.0)
    return program


def test_a_program_that_was_killed_says_by_what(ended: Child) -> None:
    with pytest.raises(
        StackError, match=r"^kafka ended by itself \(signal 9\); its log .*kafka.log ends with: nothing$"
    ):
        expect_alive([ended])


def test_a_program_that_could_not_even_log_says_that_the_disk_is_full(
    ended: Child, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(child, "is_full", lambda _: True)
    with pytest.raises(StackError, match=r"ends with: nothing; its disk is full: free some space$"):
        expect_alive([ended])
