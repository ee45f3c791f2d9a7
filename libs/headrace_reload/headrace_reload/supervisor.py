"""One program and the folders of its sources: it is drained and started again when they change."""

from __future__ import annotations

import asyncio
import signal
import sys
import time
from asyncio.subprocess import PIPE, Process, create_subprocess_exec
from collections.abc import Sequence
from pathlib import Path

from watchfiles import PythonFilter, awatch

DRAIN_SECONDS = 25.0  # longer than a service's own deadline (HEADRACE_DRAIN_SECONDS, 20)
_SETTLE_MILLISECONDS = 100  # files of one change come together; an editor writes some twice


async def supervise(
    folders: Sequence[Path], program: Sequence[str], imports: Sequence[str] = (), *, drain_seconds: float
) -> int:
    """Run a Python program (SCRIPT or -m MODULE), anew after every change of a Python file, until SIGTERM or SIGINT.

    A running program is asked to end (SIGTERM) and has `drain_seconds` to do so, then it is killed; a spare that has
    the `imports` takes its place. One that ended by itself, over a mistake in what was just saved, stays down until the
    next change. Returns the last one's exit status.
    """
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    changes = awatch(
        *folders,
        watch_filter=PythonFilter(),
        step=_SETTLE_MILLISECONDS // 2,
        debounce=_SETTLE_MILLISECONDS,
        stop_event=stopping,
        raise_interrupt=False,
    )
    running = _go(await _spare(program, imports))
    spare = await _spare(program, imports)
    try:
        async for change in changes:
            names = sorted({Path(path).name for _, path in change})
            _say(f"changed: {', '.join(names[:5])}{' …' if len(names) > 5 else ''}")
            began = time.monotonic()
            status = await _end(running, drain_seconds)
            running = _go(spare)
            _say(f"drained in {time.monotonic() - began:.2f} s (exit status {status}), started again")
            spare = await _spare(program, imports)
        return await _end(running, drain_seconds)
    finally:
        if spare.returncode is None:
            spare.kill()
        await spare.wait()


async def _spare(program: Sequence[str], imports: Sequence[str]) -> Process:
    words = ["-m", "headrace_reload.spare", ",".join(imports), *program]
    return await create_subprocess_exec(sys.executable, *words, stdin=PIPE)


def _go(spare: Process) -> Process:
    assert spare.stdin is not None
    spare.stdin.write(b"go\n")
    spare.stdin.close()
    return spare


async def _end(running: Process, drain_seconds: float) -> int:
    if running.returncode is None:
        running.send_signal(signal.SIGTERM)
    try:
        async with asyncio.timeout(drain_seconds):
            return await running.wait()
    except TimeoutError:
        _say(f"the program did not end in {drain_seconds:g} s: killed")
        running.kill()
        return await running.wait()


def _say(message: str) -> None:
    print(f"headrace_reload: {message}", flush=True)  # noqa: T201  a development tool tells its person
