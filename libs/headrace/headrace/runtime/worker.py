"""The worker of one input partition: strictly one turn after the other (design §5).

A turn:

1. take a run of records that waited in the inbox;
2. gate each message;
3. drop what was seen before, and trim;
4. apply the rest to the stage's state;
5. encode what follows (2 to 5 are `Fold.step`, in a worker thread);
6. send it, and wait until every message is acknowledged;
7. move on: from here the position and the marks may be committed;
8. now and then save a snapshot; a stage with state may be committed only up to its snapshot.

Any failure ends the process: no message is skipped, and no send whose outcome is unknown is repeated from here.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Protocol, TypeVar

from headrace.contract.errors import OutcomeUnknown, StoreUnavailable
from headrace.runtime import marks
from headrace.runtime.fold import Fold, Output
from headrace.runtime.inbox import Inbox
from headrace.runtime.lane import Waits
from headrace.runtime.marks import METADATA_LIMIT
from headrace.runtime.opening import Opening
from headrace.runtime.outbox import Send
from headrace.runtime.settings import Settings
from headrace.runtime.snapshots import Saved
from headrace.wire.origin import OriginKey

_log = logging.getLogger(__name__)

T = TypeVar("T")

_MISSING_PAUSE = 0.5  # seconds between two looks whether what the stage waits for has come


class Outside(Protocol):
    """What a worker needs of the process around it."""

    async def begin_at(self, offset: int) -> None:
        """Read from this offset on, from now on."""

    async def at_end(self) -> int | None:
        """The position when the log has been read to its end, None when more waits or nobody knows yet."""

    async def send(self, sends: list[Send]) -> None:
        """Send in order and return when all are acknowledged; raises SendUnknown."""

    def missing(self) -> Waits | None:
        """What the stage still waits for (a model), None when it can work."""

    def count(self, output: Output, records: int, size: int, seconds: float) -> None:
        """Book a step; raises QuarantineOverflow."""


@dataclass(frozen=True, slots=True)
class Commit:
    """What may be committed: the next offset to be read, and the text beside it."""

    offset: int
    metadata: str


class Worker:
    """One partition at work; `run` returns after `stop`, between two turns."""

    def __init__(self, opening: Opening, inbox: Inbox, outside: Outside, settings: Settings, threads: Executor) -> None:
        self.inbox = inbox
        self.ready = False
        self.commit: Commit | None = None
        self.last_progress = time.monotonic()
        self.position = 0
        self.doing = "waiting"  # what the running turn is at, for whoever asks why it takes so long
        self._opening = opening
        self._outside = outside
        self._settings = settings
        self._threads = threads
        self._raw = opening.source.schema is None
        self._known: tuple[OriginKey, ...] = tuple(
            () if self._raw else opening.stage.origins(opening.source.topic, opening.partition)
        )
        self._stopping = False
        self._began = -math.inf  # when the last turn began
        self._told_end = False  # whether the last step was told that nothing more waits
        self._saved = -1  # the offset of the last snapshot
        self._committed = -1 if opening.committed is None else opening.committed.offset  # before this worker
        self._next_snapshot = time.monotonic() + settings.snapshot_seconds

    def stop(self) -> None:
        """Ask for the end: no new turn begins."""
        self._stopping = True
        self.inbox.wake()

    @property
    def busy(self) -> bool:
        """Whether there is work that a live worker would be getting on with."""
        return self._outside.missing() is None and (len(self.inbox) > 0 or not self.ready)

    async def run(self) -> None:
        """Open the partition and take turns until `stop`; then leave a last snapshot."""
        self.doing = "reading its state from the object store"
        fold, stateful = await self._in_thread(self._opening.open)
        self.position = fold.position
        self._saved = fold.position if stateful else -1
        self.inbox.following = fold.position
        await self._outside.begin_at(fold.position)
        self.ready = True
        while not self._stopping:
            self.doing = "waiting"
            if self._outside.missing() is not None:
                self.last_progress = time.monotonic()
                await asyncio.sleep(_MISSING_PAUSE)
            elif fold.refresh():
                await self._save(fold, must=True)
            elif await self.inbox.wait(self._settings.patience_seconds):
                await self._gather()
                await self._turn(fold)
            else:
                await self._quiet(fold)
            if stateful and time.monotonic() >= self._next_snapshot:
                await self._save(fold)
        if stateful:
            await self._save(fold)

    async def _gather(self) -> None:
        """Let a step fill, since each has a fixed price; what comes after a quiet time goes on at once."""
        settings = self._settings
        due = self._began + settings.batch_seconds
        while not self._stopping and not self.inbox.has(settings.step_rows, settings.step_bytes):
            left = due - time.monotonic()
            if left <= 0:
                return
            await asyncio.sleep(min(left, settings.batch_seconds / 4))

    async def _turn(self, fold: Fold) -> None:
        records, following = self.inbox.take(self._settings.step_rows, self._settings.step_bytes)  # 1
        # A raw topic at its end has only paused: its producer may be about to go on (docs/adr/0001).
        at_end = not self._raw and not self.inbox and await self._outside.at_end() is not None
        began = self._began = time.monotonic()
        self.doing = "computing"
        output = await self._in_thread(lambda: fold.step(records, following, at_end=at_end))  # 2 to 5
        seconds = time.monotonic() - began
        self.doing = "sending"
        await self._outside.send(list(output.sends))  # 6
        self._moved(fold)  # 7
        self._told_end = at_end
        self._outside.count(output, len(records), sum(len(record.value or b"") for record in records), seconds)

    async def _quiet(self, fold: Fold) -> None:
        """Nothing has come for a while: when that is the end of the log, say so once."""
        end = await self._outside.at_end()
        if end is None or self.inbox:
            return
        self.last_progress = time.monotonic()
        if self._told_end and end == fold.position:
            return
        output = await self._in_thread(lambda: fold.step([], max(end, fold.position), at_end=True))
        await self._outside.send(list(output.sends))
        self._moved(fold)
        self._told_end = True

    def _moved(self, fold: Fold) -> None:
        self.position = fold.position
        self.last_progress = time.monotonic()
        if self._saved < 0:
            metadata = "" if self._raw else marks.encode(fold.marks, self._known)
            assert len(metadata) <= METADATA_LIMIT, "marks.check_room has passed at the start"
            self.commit = Commit(fold.position, metadata)

    async def _save(self, fold: Fold, *, must: bool = False) -> None:
        self._next_snapshot = time.monotonic() + self._settings.snapshot_seconds
        if fold.position == self._saved and not must:
            return
        self.doing = "saving a snapshot to the object store"
        state = await self._in_thread(fold.snapshot)
        assert state is not None, "a stage keeps snapshots or it does not"
        saved = Saved(fold.position, dict(fold.marks), state)
        try:
            await self._in_thread(lambda: self._opening.snapshots.save(saved))
        except (StoreUnavailable, OutcomeUnknown) as error:
            if must:
                raise
            _log.warning("no snapshot this time, the next one is due soon: %s", error)
            return
        self._saved = saved.offset
        if saved.offset >= self._committed:  # after damaged snapshots the fold may begin before what was committed
            self.commit = Commit(saved.offset, "")
        self.last_progress = time.monotonic()

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)
