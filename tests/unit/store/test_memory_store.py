"""The double keeps the promises that the code above the store relies on."""

from __future__ import annotations

import threading

import pytest
from headrace.contract.errors import NotFound, PreconditionFailed
from headrace.store.memory import MemoryStore
from headrace.store.object_store import ObjectStore


def test_what_was_put_is_read_back_with_its_etag() -> None:
    store: ObjectStore = MemoryStore()
    etag = store.put("a/b", b"one")
    assert store.get("a/b").body == b"one"
    assert store.get("a/b").etag == etag


def test_reading_what_is_not_there_says_so() -> None:
    with pytest.raises(NotFound, match="a/b"):
        MemoryStore().get("a/b")


def test_a_second_create_loses_and_changes_nothing() -> None:
    store = MemoryStore()
    store.put("k", b"first", if_none_match=True)
    with pytest.raises(PreconditionFailed):
        store.put("k", b"second", if_none_match=True)
    assert store.get("k").body == b"first"


def test_an_overwrite_needs_the_version_it_names() -> None:
    store = MemoryStore()
    old = store.put("k", b"1")
    store.put("k", b"2", if_match=old)
    with pytest.raises(PreconditionFailed):
        store.put("k", b"3", if_match=old)
    with pytest.raises(PreconditionFailed):
        store.put("missing", b"3", if_match=old)
    assert store.get("k").body == b"2"


def test_a_listing_is_in_order_and_begins_after_a_key() -> None:
    store = MemoryStore()
    for key in ("p/3", "p/1", "q/1", "p/2"):
        store.put(key, b"x")
    assert [entry.key for entry in store.list("p/", start_after="p/1")] == ["p/2", "p/3"]


def test_deleting_twice_is_no_error() -> None:
    store = MemoryStore()
    store.put("k", b"x")
    store.delete("k")
    store.delete("k")
    assert list(store.list("")) == []


def test_of_many_creators_one_wins() -> None:
    store, won = MemoryStore(), list[int]()

    def create(me: int) -> None:
        try:
            store.put("k", str(me).encode(), if_none_match=True)
        except PreconditionFailed:
            return
        won.append(me)

    threads = [threading.Thread(target=create, args=(me,)) for me in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [store.get("k").body] == [str(me).encode() for me in won]
