"""One program and the folders of its sources: it is drained and started again when they change."""

from __future__ import annotations

import asyncio
import signal
import time
from asyncio.subprocess import Process, create_subprocess_exec
from collections.abc import Sequence
from pathlib import Path

from watchfiles import PythonFilter, awatch

DRAIN_SECONDS = 25.0  # longer than a service's own deadline (HEADRACE_DRAIN_SECONDS, 20)
_SETTLE_MILLISECONDS = 100  # files of one change come together; an editor writes some twice


async def supervise(folders: Sequence[Path], program: Sequence[str], *, drain_seconds: float) -> int:
    """Run `program`, anew after every change of a Python file, until SIGTERM or SIGINT; returns its exit status.

    A running program is asked to end (SIGTERM) and has `drain_seconds` to do so, then it is killed. One that ended by
    itself, over a mistake in what was just saved, stays down until the next change.
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
    running = await create_subprocess_exec(*program)
    async for change in changes:
        names = sorted({Path(path).name for _, path in change})
        _say(f"changed: {', '.join(names[:5])}{' …' if len(names) > 5 else ''}")
        began = time.monotonic()
        status = await _end(running, drain_seconds)
        running = await create_subprocess_exec(*program)
        _say(f"drained in {time.monotonic() - began:.2f} s (exit status {status}), started again")
    return await _end(running, drain_seconds)


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
