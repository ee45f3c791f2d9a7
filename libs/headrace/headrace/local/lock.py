"""File locks: one stack per folder, one fetching process per cache."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from headrace.contract.errors import StackError

LOCK = "lock"  # the file in a folder that carries its lock
_GLANCE_SECONDS = 0.3  # `holder_of` holds the lock for the moment it looks; the lock is not taken for that long
_LEFTOVERS_SECONDS = 10.0  # children of a killed parent are killed too; how long they may take to vanish


class FolderLock:
    """One stack per folder: a lock on `<folder>/lock` that children inherit together with `descriptor`.

    So it is free again exactly when the last process of the stack is gone, even after kill -9 of the parent.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / LOCK
        self._descriptor: int | None = None

    @property
    def descriptor(self) -> int:
        """The open file that carries the lock, to be passed on to children."""
        assert self._descriptor is not None, "the lock is not held"
        return self._descriptor

    def take(self) -> None:
        """Take the lock and write this process's id into it; raises StackError naming the holder when it is taken."""
        descriptor = _open(self.path)
        began = time.monotonic()
        while not _try(descriptor):
            holder = _read(descriptor)
            alive = holder is not None and _exists(holder)
            if time.monotonic() > began + (_GLANCE_SECONDS if alive else _LEFTOVERS_SECONDS):
                os.close(descriptor)
                raise StackError(
                    f"a stack already runs in {self.path.parent} (pid {holder}); "
                    f"stop it with `HEADRACE_STATE={self.path.parent} headrace local down`, or name another folder"
                )
            time.sleep(0.05)
        _write(descriptor)
        self._descriptor = descriptor

    def release(self) -> None:
        """Give the lock back; children that still live keep it held."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


@contextmanager
def one_at_a_time(folder: Path, say: Callable[[str], None]) -> Iterator[None]:
    """Hold `<folder>/lock`, first waiting for the process that holds it (and saying so)."""
    descriptor = _open(folder / LOCK)
    try:
        if not _try(descriptor):
            say(f"Waiting: another process (pid {_read(descriptor)}) is fetching or building into {folder}")
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        _write(descriptor)
        yield
    finally:
        os.close(descriptor)


def holder_of(folder: Path) -> int | None:
    """The process id of the stack that runs in `folder`, None when none does."""
    path = folder / LOCK
    if not path.exists():
        return None
    descriptor = _open(path)
    try:
        return None if _try(descriptor) else _read(descriptor)
    finally:
        os.close(descriptor)


def _open(path: Path) -> int:
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise StackError(f"cannot open {path}: {error.strerror}; use a folder that you may write to") from error


def _try(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _read(descriptor: int) -> int | None:
    text = os.pread(descriptor, 32, 0).decode()
    return int(text) if text.isdigit() else None


def _write(descriptor: int) -> None:
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, str(os.getpid()).encode(), 0)


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True
