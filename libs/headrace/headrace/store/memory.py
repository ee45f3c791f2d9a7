"""An object store in memory, for tests: the same promises as the real one, on one screen."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from datetime import UTC, datetime

from headrace.contract.errors import NotFound, PreconditionFailed
from headrace.store.object_store import Entry, Object

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class MemoryStore:
    """An ObjectStore that lives as long as the process; `modified` is the epoch, as there is no clock here."""

    def __init__(self) -> None:
        self._objects: dict[str, Object] = {}
        self._lock = threading.Lock()

    def get(self, key: str) -> Object:
        with self._lock:
            if key not in self._objects:
                raise NotFound(f"memory/{key}: no such object")
            return self._objects[key]

    def put(self, key: str, body: bytes, *, if_none_match: bool = False, if_match: str | None = None) -> str:
        if if_none_match and if_match is not None:
            raise ValueError("if_none_match and if_match exclude each other")
        etag = f'"{hashlib.sha256(body).hexdigest()}"'
        with self._lock:
            found = self._objects.get(key)
            if if_none_match and found is not None:
                raise PreconditionFailed(f"memory/{key}: expected no such object, found {found.etag}")
            if if_match is not None and (found is None or found.etag != if_match):
                raise PreconditionFailed(f"memory/{key}: expected {if_match}, found {found and found.etag}")
            self._objects[key] = Object(bytes(body), etag)
        return etag

    def list(self, prefix: str, *, start_after: str = "") -> Iterator[Entry]:
        with self._lock:
            found = sorted((k.encode(), o) for k, o in self._objects.items() if k.startswith(prefix))
        for key, kept in found:
            if key > start_after.encode():
                yield Entry(key.decode(), len(kept.body), kept.etag, _EPOCH)

    def delete(self, key: str) -> None:
        with self._lock:
            self._objects.pop(key, None)
