"""The one thread that starts child processes.

The signal that a child gets when its parent dies follows the *thread* that started it, not the process: a child of a
thread that ends is killed at once. This thread lives as long as the process, so any thread may ask for a child.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from functools import cache
from queue import SimpleQueue
from threading import Thread

_Request = tuple[Callable[[], None], Future[None]]


def in_spawner(work: Callable[[], None]) -> None:
    """Run `work` in the spawner thread and return when it is done; raises what it raises.

    Where Ctrl-C interrupts this call, nobody knows whether `work` was or will be done.
    """
    done: Future[None] = Future()
    _requests().put((work, done))
    done.result()


@cache
def _requests() -> SimpleQueue[_Request]:
    """The queue to the thread. A daemon: a thread pool hangs at exit when Ctrl-C hit it while it started its thread."""
    requests: SimpleQueue[_Request] = SimpleQueue()
    Thread(target=_serve, args=(requests,), name="headrace-spawner", daemon=True).start()
    return requests


def _serve(requests: SimpleQueue[_Request]) -> None:
    while True:
        work, done = requests.get()
        try:
            work()
        except BaseException as error:  # noqa: BLE001  it is raised where it was asked for
            done.set_exception(error)
        else:
            done.set_result(None)
