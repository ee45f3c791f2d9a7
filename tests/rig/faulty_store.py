"""An object store whose conditional writes go wrong as a test says, and one whose callers take turns by a seed."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from enum import Enum, auto

from headrace.contract.errors import OutcomeUnknown, PreconditionFailed, StoreUnavailable
from headrace.store.object_store import Entry, Object, ObjectStore


class Fault(Enum):
    """What becomes of one conditional write."""

    NONE = auto()
    BUSY = auto()  # not written, and the store says so
    LOST = auto()  # not written, and nobody says anything
    ANSWER_LOST = auto()  # written, and nobody says anything
    LATE = auto()  # nobody says anything, and it is written some calls later
    REPEATED = auto()  # written, and the repetition by something on the way is what is answered


class FaultyStore:
    """The k-th conditional write meets the k-th fault; then all goes well. `blind_reads` reads fail after a fault."""

    LATE_CALLS = 3

    def __init__(self, inner: ObjectStore, faults: Iterable[Fault], blind_reads: int = 0) -> None:
        self._inner = inner
        self._faults = iter(faults)
        self._blind_reads = blind_reads
        self._blind = 0
        self._late: list[tuple[int, str, bytes]] = []  # calls to go, key, body

    def get(self, key: str) -> Object:
        self._arrive()
        if self._blind:
            self._blind -= 1
            raise StoreUnavailable(f"GET {key}: the store is away")
        return self._inner.get(key)

    def put(self, key: str, body: bytes, *, if_none_match: bool = False, if_match: str | None = None) -> str:
        self._arrive()
        fault = next(self._faults, Fault.NONE) if if_none_match else Fault.NONE
        if fault is not Fault.NONE:
            self._blind = self._blind_reads
        if fault is Fault.BUSY:
            raise StoreUnavailable(f"PUT {key}: busy")
        if fault is Fault.LATE:
            self._late.append((self.LATE_CALLS, key, body))
        if fault in (Fault.LOST, Fault.LATE):
            raise OutcomeUnknown(f"PUT {key}: no answer")
        etag = self._inner.put(key, body, if_none_match=if_none_match, if_match=if_match)
        if fault is Fault.ANSWER_LOST:
            raise OutcomeUnknown(f"PUT {key}: no answer")
        if fault is Fault.REPEATED:
            raise PreconditionFailed(f"PUT {key}: there is one already")
        return etag

    def list(self, prefix: str, *, start_after: str = "") -> Iterator[Entry]:
        self._arrive()
        return self._inner.list(prefix, start_after=start_after)

    def delete(self, key: str) -> None:
        self._arrive()
        self._inner.delete(key)

    def settle(self) -> None:
        """Whatever is still under way arrives now."""
        for _ in range(self.LATE_CALLS):
            self._arrive()

    def _arrive(self) -> None:
        waiting, self._late = self._late, []
        for calls, key, body in waiting:
            if calls > 1:
                self._late.append((calls - 1, key, body))
                continue
            try:
                self._inner.put(key, body, if_none_match=True)
            except PreconditionFailed:
                continue  # too late


class Turns:
    """Runs callables in threads of which one moves at a time, from one store call to the next; a seed chooses which."""

    def __init__(self, seed: int) -> None:
        self._choice = random.Random(seed)
        self._changed = threading.Condition()
        self._waiting: set[int] = set()
        self._turn: int | None = None

    def run(self, work: Sequence[Callable[[Callable[[], None]], None]]) -> None:
        """Each callable is given what it must call before every store call. Raises what one of them raises."""
        failures: list[BaseException] = []
        left = set(range(len(work)))

        def go(me: int) -> None:
            try:
                self._wait(me)
                work[me](lambda: self._wait(me))
            except BaseException as error:  # noqa: BLE001 - handed to the caller, who raises it
                failures.append(error)
            finally:
                with self._changed:
                    left.discard(me)
                    self._turn = None
                    self._changed.notify_all()

        threads = [threading.Thread(target=go, args=(me,), daemon=True) for me in range(len(work))]
        for thread in threads:
            thread.start()
        with self._changed:
            while left:
                self._changed.wait_for(lambda: not left or (self._turn is None and self._waiting == left), timeout=30)
                if left:
                    self._turn = self._choice.choice(sorted(self._waiting))
                    self._waiting.discard(self._turn)
                    self._changed.notify_all()
        for thread in threads:
            thread.join(30)
        if failures:
            raise failures[0]

    def _wait(self, me: int) -> None:
        with self._changed:
            self._waiting.add(me)
            if self._turn == me:
                self._turn = None
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._turn == me)


class TurnStore:
    """An object store before each of whose calls `wait` is called."""

    def __init__(self, inner: ObjectStore, wait: Callable[[], None]) -> None:
        self._inner = inner
        self._wait = wait

    def get(self, key: str) -> Object:
        self._wait()
        return self._inner.get(key)

    def put(self, key: str, body: bytes, *, if_none_match: bool = False, if_match: str | None = None) -> str:
        self._wait()
        return self._inner.put(key, body, if_none_match=if_none_match, if_match=if_match)

    def list(self, prefix: str, *, start_after: str = "") -> Iterator[Entry]:
        self._wait()
        return self._inner.list(prefix, start_after=start_after)

    def delete(self, key: str) -> None:
        self._wait()
        self._inner.delete(key)
