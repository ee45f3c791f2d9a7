"""How long a start waits for what is not there yet: Kafka, the topics, the object store.

They come up in any order. A service that ended for each of them would be started again and again, by Kubernetes with
pauses of up to five minutes, long after what it waits for is there.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import TypeVar

from headrace.contract.errors import OutcomeUnknown, StoreUnavailable

T = TypeVar("T")

_log = logging.getLogger(__name__)

_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 10.0  # seconds before another try; doubles each time


class Patience:
    """`seconds` for a whole start, from now on; `why` says what it waits for."""

    def __init__(self, seconds: float) -> None:
        self.why = "starting"
        self._ends = time.monotonic() + seconds
        self._pause = _FIRST_PAUSE

    async def after(self, failed: Exception) -> None:
        """Return when it is time for another try; raises `failed` when there is none left for one."""
        pause, self._pause = self._pause, min(2 * self._pause, _LONGEST_PAUSE)
        if time.monotonic() + pause > self._ends:
            raise failed
        self.why = str(failed)
        _log.warning("%s; trying again in %g s", failed, pause)
        await asyncio.sleep(pause)

    async def until_stored(self, work: Callable[[], T]) -> T:
        """The result of `work`, done in a thread and again while the store is away; raises the last StoreError."""
        while True:
            try:
                return await asyncio.to_thread(work)
            except (StoreUnavailable, OutcomeUnknown) as error:
                await self.after(error)
