"""Records that go on flowing while something else is done."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

from rig.deployed.traffic import Traffic

_AT_ONCE = 300  # records: the process that sends them takes some seconds to start


@contextmanager
def fed(traffic: Traffic, count: int, rate: float) -> Iterator[Future[None]]:
    """Records are sent while the block runs, and have been when it ends."""
    with ThreadPoolExecutor(1) as sending:
        done = sending.submit(traffic.feed, count, rate)
        yield done
        done.result()


@contextmanager
def flowing(traffic: Traffic, rate: float = 20.0) -> Iterator[None]:
    """Records are sent at this rate for as long as the block runs, however long that is."""
    enough = threading.Event()

    def send() -> None:
        while not enough.is_set():
            traffic.feed(_AT_ONCE, rate)

    with ThreadPoolExecutor(1) as sending:
        done = sending.submit(send)
        try:
            yield
        finally:
            enough.set()
        done.result()
