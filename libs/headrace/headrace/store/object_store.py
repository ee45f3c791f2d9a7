"""The object store as everything above it sees it: four verbs, exact errors, no hidden retries."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Object:
    """An object's bytes and the tag of exactly this version of it."""

    body: bytes
    etag: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a listing; `size` in bytes, `modified` in UTC."""

    key: str
    size: int
    etag: str
    modified: datetime


class ObjectStore(Protocol):
    """One bucket. Synchronous and safe to share between threads; callers that must not block use a thread."""

    def get(self, key: str) -> Object:
        """Read a whole object. Raises NotFound, StoreRefused, StoreUnavailable."""

    def put(self, key: str, body: bytes, *, if_none_match: bool = False, if_match: str | None = None) -> str:
        """Write a whole object and return its etag.

        `if_none_match` writes only if there is no such object, `if_match` only over the version with that etag; the two
        exclude each other. Raises PreconditionFailed (a condition did not hold; nothing written by this call),
        OutcomeUnknown, StoreRefused, StoreUnavailable (nothing written). A conditional write is sent once and never
        repeated from inside: a hidden retry can turn a success into a PreconditionFailed.
        """

    def list(self, prefix: str, *, start_after: str = "") -> Iterator[Entry]:
        """Every object whose key begins with `prefix` and sorts after `start_after`, in the order of the keys' bytes.

        Raises StoreRefused, StoreUnavailable while it is being consumed.
        """

    def delete(self, key: str) -> None:
        """Remove an object; it need not be there. Raises OutcomeUnknown, StoreRefused, StoreUnavailable."""


def expect_answer(store: ObjectStore, prefix: str) -> None:
    """Return if the store lists what is below `prefix`; raises StoreRefused or StoreUnavailable that says why not."""
    next(iter(store.list(prefix)), None)
