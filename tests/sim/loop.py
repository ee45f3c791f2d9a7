"""An asyncio event loop with virtual time, and processes inside it that can be killed or frozen at every await.

A process is a context variable: every task, timer and callback that it starts carries it along. The handles of a dead
process are dropped and those of a frozen one held back, so from one await to the next it is as if SIGKILL or SIGSTOP
had come. What runs in a thread runs in a real one, of which one moves at a time, from one store call to the next.
"""

from __future__ import annotations

import asyncio
import heapq
from asyncio import events
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from contextvars import Context, ContextVar
from typing import Any, TypeVar

from sim.threads import Died, Work

T = TypeVar("T")

_EVENTS = 400_000  # a seed that needs more never settles


class NeverSettled(AssertionError):
    """The simulation went on and on."""


class Process:
    """What an operating system knows of a process; `steps` counts how often it has moved."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.alive = True
        self.frozen = False
        self.steps = 0
        self.held: deque[asyncio.Handle] = deque()
        self.after_step: Callable[[], None] = lambda: None

    def kill(self) -> None:
        """From now on nothing of it moves."""
        self.alive = False
        self.held.clear()


CURRENT: ContextVar[Process | None] = ContextVar("process", default=None)


class SimLoop(asyncio.AbstractEventLoop):
    """Runs until nothing is left to do at a time; the time is the virtual clock's.

    `jitter` says how long a thread takes from one point to the next. Without `threads` what runs in a thread runs to
    its end at one moment: cheaper, and enough where the store has no part.
    """

    def __init__(self, jitter: Callable[[], float], *, threads: bool = True) -> None:
        self._threads = threads
        self._now = 1000.0
        self._ready: deque[asyncio.Handle] = deque()
        self._timers: list[tuple[float, int, asyncio.TimerHandle]] = []
        self._number = 0
        self._jitter = jitter
        self._tasks: list[asyncio.Task[Any]] = []
        self._works: list[Work] = []
        self.moved = 0

    # What asyncio asks of a loop

    def time(self) -> float:
        return self._now

    def get_debug(self) -> bool:
        return False

    def is_running(self) -> bool:
        return True

    def is_closed(self) -> bool:
        return False

    def call_soon(  # type: ignore[override]
        self, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.Handle:
        handle = asyncio.Handle(callback, args, self, context)
        self._ready.append(handle)
        return handle

    def call_later(  # type: ignore[override]
        self, delay: float, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        return self.call_at(self._now + delay, callback, *args, context=context)

    def call_at(  # type: ignore[override]
        self, when: float, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        handle = asyncio.TimerHandle(when, callback, args, self, context)
        self._number += 1
        heapq.heappush(self._timers, (when, self._number, handle))
        return handle

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        pass

    def create_future(self) -> asyncio.Future[Any]:
        return asyncio.Future(loop=self)

    def create_task(self, coro: Any, *, name: Any = None, context: Context | None = None) -> asyncio.Task[Any]:
        task: asyncio.Task[Any] = asyncio.Task(coro, loop=self, name=name, context=context)
        self._tasks.append(task)
        return task

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        error = context.get("exception")
        if "handle" in context and error is not None and not isinstance(error, Died):
            raise error  # a plain callback: of the broker, of the scenario, or of asyncio itself

    def run_in_executor(  # type: ignore[override]
        self, executor: object, func: Callable[..., T], *args: Any
    ) -> asyncio.Future[T]:
        """Run it in a thread that stops at every store call until its time has come."""
        done: asyncio.Future[T] = self.create_future()
        work = Work(lambda: func(*args), done)
        if self._threads:
            self._works.append(work)
            self.call_later(self._jitter(), self._advance, work)
        else:
            self.call_later(self._jitter(), self._at_once, work)
        return done

    def _at_once(self, work: Work) -> None:
        work.run()
        self.call_soon(work.tell)

    def _advance(self, work: Work) -> None:
        if work.advance():
            self._works.remove(work)
            self.call_soon(work.tell)
        else:
            self.call_later(self._jitter(), self._advance, work)

    # The simulation's own

    def outside(self, delay: float, callback: Callable[..., object], *args: Any) -> None:
        """Call it after a while as part of no process."""
        self.call_later(delay, callback, *args, context=Context())

    def thaw(self, process: Process) -> None:
        """Let a frozen process go on."""
        process.frozen = False
        self._ready.extend(process.held)
        process.held.clear()

    def run_until(self, finished: Callable[[], bool], limit: float) -> None:
        """Move everything until `finished`; raises NeverSettled when the virtual time `limit` passes before."""
        events._set_running_loop(self)
        try:
            while not finished():
                self._turn()
                if self._now > 1000.0 + limit or self.moved > _EVENTS:
                    raise NeverSettled(f"still moving after {self._now - 1000:.0f} virtual seconds")
        finally:
            events._set_running_loop(None)

    def _turn(self) -> None:
        while self._timers and (self._timers[0][0] <= self._now or not self._ready):
            when, _, handle = heapq.heappop(self._timers)
            if not handle.cancelled():
                self._now = max(self._now, when)
                self._ready.append(handle)
        if not self._ready:
            raise NeverSettled("nothing moves any more")
        for _ in range(len(self._ready)):
            self._run(self._ready.popleft())

    def _run(self, handle: asyncio.Handle) -> None:
        if handle.cancelled():
            return
        process = handle._context.get(CURRENT)  # type: ignore[attr-defined]
        if process is not None:
            if not process.alive:
                return
            if process.frozen:
                process.held.append(handle)
                return
            process.steps += 1
        self.moved += 1
        handle._run()
        if process is not None:
            process.after_step()

    def close(self) -> None:
        """Unwind whatever is left; it belongs to dead processes, whose code must find nothing to act on."""
        for work in self._works:
            work.abandon()
        for task in self._tasks:
            if not task.done():
                with suppress(BaseException):
                    task.get_coro().close()
        self._tasks.clear()
        self._ready.clear()
        self._timers.clear()
