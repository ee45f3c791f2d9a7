"""The supervisor of development clusters: a change drains the program and starts it again."""

from __future__ import annotations

import asyncio
import signal
import sys
import textwrap
from asyncio.subprocess import PIPE, Process, create_subprocess_exec
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

_SECONDS = 20.0
PROGRAM = """
    import signal, sys, time
    def end(*_):
        print("drained", flush=True)
        sys.exit(3)
    signal.signal(signal.SIGTERM, end)
    print("up", flush=True)
    while True:
        time.sleep(60)
"""


class Supervised:
    """A supervisor that runs, and the lines that it and its program write."""

    def __init__(self, process: Process) -> None:
        self.process = process

    async def line(self, wanted: str) -> str:
        """The next line with these words."""
        assert self.process.stdout is not None
        async with asyncio.timeout(_SECONDS):
            while wanted not in (line := (await self.process.stdout.readline()).decode()):
                assert line, f"it ended before it said {wanted!r}"
        return line


@asynccontextmanager
async def supervised(folder: Path, program: str) -> AsyncIterator[Supervised]:
    script = folder / "program.py.txt"  # what is watched is Python files, and this one never changes
    script.write_text(textwrap.dedent(program))
    words = [sys.executable, "-m", "headrace_reload", str(folder), "--", str(script)]
    process = await create_subprocess_exec(*words, stdout=PIPE)
    try:
        yield Supervised(process)
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        await process.communicate()


async def change(folder: Path, running: Supervised) -> None:
    """Save a source until it is noticed: the first save may come before the watch has begun."""
    number = 0
    noticed = asyncio.create_task(running.line("changed: stage.py"))
    while not noticed.done():
        number += 1
        (folder / "stage.py").write_text(f"NUMBER = {number}\n")
        await asyncio.wait([noticed], timeout=1.0)
    await noticed


async def test_a_change_drains_the_program_and_starts_it_again(tmp_path: Path) -> None:
    # Given a program at work
    async with supervised(tmp_path, PROGRAM) as running:
        await running.line("up")
        # When one of its sources is saved
        await change(tmp_path, running)
        # Then it is asked to end, has its time, and runs anew
        await running.line("drained")
        assert "exit status 3" in await running.line("started again")
        await running.line("up")


async def test_a_stop_is_handed_on(tmp_path: Path) -> None:
    # Given a program at work
    async with supervised(tmp_path, PROGRAM) as running:
        await running.line("up")
        # When the supervisor is told to stop
        running.process.send_signal(signal.SIGTERM)
        # Then the program drains, and its exit status is the supervisor's
        await running.line("drained")
        assert await running.process.wait() == 3


async def test_a_program_that_a_mistake_has_ended_waits_for_the_next_change(tmp_path: Path) -> None:
    # Given a source that does not run
    (tmp_path / "broken").touch()
    program = (
        f"import pathlib, sys\nsys.exit(9) if pathlib.Path({str(tmp_path / 'broken')!r}).exists() else print('up')"
    )
    async with supervised(tmp_path, program) as running:
        # When it is mended
        (tmp_path / "broken").unlink()
        await change(tmp_path, running)
        # Then the program starts
        await running.line("started again")
        await running.line("up")


@pytest.mark.parametrize(
    "words", [["."], [".", "--"], [".", "--", "-m"], ["--", "true"], ["/no/such/folder", "--", "true"]]
)
async def test_a_wrong_command_line_is_told(words: list[str]) -> None:
    process = await create_subprocess_exec(sys.executable, "-m", "headrace_reload", *words, stderr=PIPE)
    _, said = await process.communicate()
    assert process.returncode == 2
    assert "headrace_reload: error: " in said.decode()
