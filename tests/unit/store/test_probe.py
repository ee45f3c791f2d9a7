"""A store whose conditional writes do not hold is refused at start-up, before anything is entrusted to it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from headrace.contract.errors import PreconditionFailed, StoreRefused, StoreUnavailable
from headrace.store.memory import MemoryStore
from headrace.store.object_store import Entry, Object
from headrace.store.probe import probe


class IgnoresConditions(MemoryStore):
    """Like a server that does not know the headers."""

    def put(self, key: str, body: bytes, *, if_none_match: bool = False, if_match: str | None = None) -> str:
        return super().put(key, body)


class ChecksThenWrites(MemoryStore):
    """Like a server that checks an If-Match and writes in two steps; rivals meet between the two."""

    def __init__(self) -> None:
        super().__init__()
        self._between = threading.Barrier(2)

    def put(self, key: str, body: bytes, *, if_none_match: bool = False, if_match: str | None = None) -> str:
        if if_match is None:
            return super().put(key, body, if_none_match=if_none_match)
        if self.get(key).etag != if_match:
            raise PreconditionFailed(key)
        try:
            self._between.wait(timeout=0.05)
        except threading.BrokenBarrierError:
            self._between.reset()
        return super().put(key, body)


class NeverTakesAnUpdate(MemoryStore):
    """Like a server that is overloaded for writes."""

    def put(self, key: str, body: bytes, *, if_none_match: bool = False, if_match: str | None = None) -> str:
        if if_match is not None:
            raise StoreUnavailable(key)
        return super().put(key, body, if_none_match=if_none_match)


class LosesTheWinner(MemoryStore):
    """Like a cache in front of a store: the winner's bytes are not there."""

    def get(self, key: str) -> Object:
        if "create" in key:
            return Object(b"stale", "old")
        return super().get(key)


class WrittenJustNow(MemoryStore):
    """Says of each object that it was written now."""

    def list(self, prefix: str, *, start_after: str = "") -> Iterator[Entry]:
        found = super().list(prefix, start_after=start_after)
        return (replace(entry, modified=datetime.now(UTC)) for entry in found)


def test_a_store_that_holds_is_accepted_and_left_clean() -> None:
    store = MemoryStore()
    probe(store)
    assert list(store.list("")) == []


def test_what_a_killed_probe_has_left_is_removed_by_the_next() -> None:
    store = MemoryStore()  # says of each object that it was written long ago
    store.put("lake/acme/flights/_probe/of-another/counter", b"3")
    store.put("lake/acme/flights/rows/1", b"not a probe's")
    probe(store, "lake/acme/flights/_probe")
    assert [entry.key for entry in store.list("")] == ["lake/acme/flights/rows/1"]


def test_a_probe_that_is_under_way_is_left_alone() -> None:
    store = WrittenJustNow()
    store.put("_headrace/probe/of-another/counter", b"3")
    probe(store)
    assert [entry.key for entry in store.list("")] == ["_headrace/probe/of-another/counter"]


def test_ignored_conditions_are_refused_by_name() -> None:
    store = IgnoresConditions()
    with pytest.raises(StoreRefused, match="does not hold If-None-Match: 8 of 8 rivals"):
        probe(store)
    assert list(store.list("")) == []


def test_lost_updates_are_refused() -> None:
    with pytest.raises(StoreRefused, match="does not hold If-Match: 40 increments of one counter left it at"):
        probe(ChecksThenWrites())


def test_a_winner_whose_bytes_do_not_stand_is_refused() -> None:
    with pytest.raises(StoreRefused, match="If-None-Match"):
        probe(LosesTheWinner())


def test_a_store_that_fails_is_not_accepted_either() -> None:
    with pytest.raises(StoreUnavailable, match="overloaded"):
        probe(NeverTakesAnUpdate())
