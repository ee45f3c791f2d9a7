"""End a stack that another process runs, and forget its data."""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from headrace.contract.errors import StackError
from headrace.local.lock import LOCK, FolderLock, holder_of
from headrace.local.memory import MEMORY
from headrace.local.processes import who_holds

_GRACE_SECONDS = 90.0  # services 30, Kafka 20, S3 10, and a busy machine
_GONE_SECONDS = 10.0
_PAUSE = 0.1


def end_stack(folder: Path, say: Callable[[str], None], grace: float = _GRACE_SECONDS) -> bool:
    """End the stack that runs in `folder`, cleanly if it does so within `grace` seconds; False when none runs.

    Only processes that have the folder's lock open are ever signalled. Raises StackError when some do not go away.
    """
    if holder_of(folder) is None:
        return False
    say(f"Ending the stack in {folder}: the services hand over, then Kafka and the S3 server stop")
    _signal_supervisor(folder, signal.SIGTERM)
    if not _free_within(folder, grace):
        say(f"It has not ended within {grace:.0f} s: killing it")
        _signal_supervisor(folder, signal.SIGKILL)  # its children die with it
        if not _free_within(folder, _GONE_SECONDS):
            left = ", ".join(f"{process.name or 'stack'} (pid {process.pid})" for process in who_holds(folder / LOCK))
            raise StackError(f"the stack in {folder} does not end; still there: {left or 'processes of another user'}")
    return True


def delete_data(folder: Path) -> None:
    """Delete what the stack keeps in `folder`: topics, objects, logs, ports, keys.

    Raises StackError when a stack runs there, or when something cannot be deleted.
    """
    if not folder.exists():
        return
    lock = FolderLock(folder)
    lock.take()
    try:
        for name in ("kafka", "s3", "logs"):
            if (folder / name).exists():
                shutil.rmtree(folder / name)
        (folder / MEMORY).unlink(missing_ok=True)
    except OSError as error:
        raise StackError(f"cannot delete what the stack keeps: {error}; mend that and try again") from error
    finally:
        lock.release()


def _signal_supervisor(folder: Path, number: signal.Signals) -> None:
    """Signal the process that the lock names, if it truly is the one that has the lock open."""
    pid = holder_of(folder)
    if pid is not None and any(process.pid == pid for process in who_holds(folder / LOCK)):
        with suppress(ProcessLookupError):
            os.kill(pid, number)


def _free_within(folder: Path, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while holder_of(folder) is not None:
        if time.monotonic() > deadline:
            return False
        time.sleep(_PAUSE)
    return True
