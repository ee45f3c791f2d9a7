"""Real threads of which one moves at a time, from one store call to the next."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any


class Died(BaseException):
    """Raised into code of a process that is no more; nothing in the product may catch it and live on."""


class _Thread:
    """A real thread that moves only while `advance` waits for it."""

    def __init__(self) -> None:
        self._go = threading.Lock()  # each is passed from one thread to the other, and starts out taken
        self._back = threading.Lock()
        self._go.acquire()
        self._back.acquire()
        self._work: Callable[[], None] | None = None
        self.idle = True
        threading.Thread(target=self._loop, daemon=True, name="simulated").start()

    def begin(self, work: Callable[[], None]) -> None:
        self._work = work
        self.idle = False

    def advance(self) -> None:
        self._go.release()
        self._back.acquire()

    def pause(self) -> None:
        self._back.release()
        self._go.acquire()

    def _loop(self) -> None:
        while True:
            self._go.acquire()
            assert self._work is not None
            self._work()
            self._work = None
            self.idle = True
            self._back.release()


_idle: list[_Thread] = []
_here = threading.local()


class Work:
    """A call in a thread, and the future that waits for it."""

    def __init__(self, call: Callable[[], Any], done: asyncio.Future[Any]) -> None:
        self._call = call
        self._done = done
        self._thread: _Thread | None = None
        self._abandoned = False
        self._result: Any = None
        self._error: BaseException | None = None

    def advance(self) -> bool:
        """Go on to the next store call or to the end; whether that was the end."""
        if self._thread is None:
            self._thread = _idle.pop() if _idle else _Thread()
            self._thread.begin(self._run_here)
        self._thread.advance()
        if not self._thread.idle:
            return False
        _idle.append(self._thread)
        self._thread = None
        return True

    def tell(self) -> None:
        """Hand the result to whoever waits for it."""
        if self._done.done():
            return
        if self._error is not None:
            self._done.set_exception(self._error)
        else:
            self._done.set_result(self._result)

    def abandon(self) -> None:
        """Unwind a call that will never go on."""
        self._abandoned = True
        while self._thread is not None:
            self.advance()

    def pause(self) -> None:
        thread = self._thread
        assert thread is not None
        if not self._abandoned:
            thread.pause()
        if self._abandoned:
            raise Died

    def run(self) -> None:
        """The call, from beginning to end."""
        try:
            self._result = self._call()
        except BaseException as error:  # noqa: BLE001  whoever awaits it gets it
            self._error = error

    def _run_here(self) -> None:
        _here.work = self
        try:
            self.run()
        finally:
            _here.work = None


def pause_thread() -> None:
    """Let everything else move before this thread goes on; called outside a simulated thread it does nothing."""
    work: Work | None = getattr(_here, "work", None)
    if work is not None:
        work.pause()
