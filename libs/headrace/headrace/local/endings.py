"""However somebody ends a command that runs a stack, it ends like Ctrl-C: handing over, and leaving nothing behind."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def as_ctrl_c() -> Iterator[threading.Event]:
    """SIGTERM (`headrace local down`, `kill`) and SIGHUP (a closed terminal) raise KeyboardInterrupt, as SIGINT does.

    SIGINT has the same handler on purpose: where it is Python's own, `asyncio.run` makes a cancellation of it, and a
    client library that swallows one swallows the Ctrl-C. The event is set as well, for whoever waits in a loop: an
    exception that is raised inside a library's callback or native code may come out as an error of that library.
    """
    told = threading.Event()

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        told.set()
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in _ENDINGS}
    try:
        yield told
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
