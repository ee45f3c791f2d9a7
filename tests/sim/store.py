"""The object store as one process sees it: others move between its calls, and writes fail or leave nobody the wiser."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass

from headrace.contract.errors import OutcomeUnknown, PreconditionFailed, StoreUnavailable
from headrace.store.memory import MemoryStore
from headrace.store.object_store import Entry, Object

from sim.loop import SimLoop
from sim.threads import pause_thread


@dataclass(frozen=True, slots=True)
class Put:
    """A write that has taken effect; `moment` is the broker's."""

    key: str
    moment: int


class SharedStore:
    """The store itself; `puts` remembers every write of a snapshot."""

    def __init__(self, loop: SimLoop, moment: Callable[[], int], choice: random.Random) -> None:
        self.inner = MemoryStore()
        self.loop = loop
        self.choice = choice
        self.storms = True
        self.trouble = 0.05
        self.puts: list[Put] = []
        self._moment = moment

    def put(self, key: str, body: bytes, *, if_none_match: bool, if_match: str | None) -> str:
        """Write, and remember it."""
        etag = self.inner.put(key, body, if_none_match=if_none_match, if_match=if_match)
        self.puts.append(Put(key, self._moment()))
        return etag

    def late(self, key: str, body: bytes, *, if_none_match: bool) -> None:
        """A write that arrives when its sender no longer waits for it."""
        with suppress(PreconditionFailed):  # too late
            self.put(key, body, if_none_match=if_none_match, if_match=None)


class StoreView:
    """An ObjectStore for the code of one process."""

    def __init__(self, shared: SharedStore) -> None:
        self._shared = shared

    def get(self, key: str) -> Object:
        self._arrive()
        if self._trouble() < 0.3:
            raise StoreUnavailable(f"GET {key}: busy")
        return self._shared.inner.get(key)

    def put(self, key: str, body: bytes, *, if_none_match: bool = False, if_match: str | None = None) -> str:
        self._arrive()
        luck = self._trouble()
        if luck < 0.3:
            raise StoreUnavailable(f"PUT {key}: busy")
        if luck < 0.5:
            late = self._shared.choice.uniform(0, 3)
            body = bytes(body)
            self._shared.loop.outside(late, lambda: self._shared.late(key, body, if_none_match=if_none_match))
        if luck < 0.7:
            raise OutcomeUnknown(f"PUT {key}: no answer")
        etag = self._shared.put(key, body, if_none_match=if_none_match, if_match=if_match)
        if luck < 0.9:
            raise OutcomeUnknown(f"PUT {key}: no answer")
        if luck < 1 and if_none_match:
            raise PreconditionFailed(f"PUT {key}: there is one already")  # something on the way has repeated it
        pause_thread()  # it is written, and nobody knows yet
        return etag

    def list(self, prefix: str, *, start_after: str = "") -> Iterator[Entry]:
        self._arrive()
        return self._shared.inner.list(prefix, start_after=start_after)

    def delete(self, key: str) -> None:
        self._arrive()
        self._shared.inner.delete(key)

    def _arrive(self) -> None:
        pause_thread()

    def _trouble(self) -> float:
        """Below 1: how this call goes wrong; above: it does not."""
        if not self._shared.storms or self._shared.choice.random() >= self._shared.trouble:
            return 2.0
        return self._shared.choice.random()
