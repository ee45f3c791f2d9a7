"""What every object store promises; one class of tests that runs against the double and against a real server."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from headrace.contract.errors import NotFound, PreconditionFailed
from headrace.store.object_store import ObjectStore

RIVALS = 8


class StorePromises:
    """A subclass gives the fixtures `store`, and `prefix`: what this test's keys begin with."""

    def test_what_was_put_is_read_back_with_its_etag(self, store: ObjectStore, prefix: str) -> None:
        etag = store.put(f"{prefix}/a/b", b"one")
        assert store.get(f"{prefix}/a/b").body == b"one"
        assert store.get(f"{prefix}/a/b").etag == etag

    def test_reading_what_is_not_there_says_so(self, store: ObjectStore, prefix: str) -> None:
        with pytest.raises(NotFound, match=f"{prefix}/a"):
            store.get(f"{prefix}/a")

    def test_a_second_create_loses_and_changes_nothing(self, store: ObjectStore, prefix: str) -> None:
        store.put(f"{prefix}/k", b"first", if_none_match=True)
        with pytest.raises(PreconditionFailed):
            store.put(f"{prefix}/k", b"second", if_none_match=True)
        assert store.get(f"{prefix}/k").body == b"first"

    def test_an_overwrite_needs_the_version_it_names(self, store: ObjectStore, prefix: str) -> None:
        old = store.put(f"{prefix}/k", b"1")
        store.put(f"{prefix}/k", b"2", if_match=old)
        with pytest.raises(PreconditionFailed):
            store.put(f"{prefix}/k", b"3", if_match=old)
        assert store.get(f"{prefix}/k").body == b"2"

    def test_nothing_is_overwritten_where_nothing_is(self, store: ObjectStore, prefix: str) -> None:
        old = store.put(f"{prefix}/k", b"1")
        with pytest.raises(PreconditionFailed):
            store.put(f"{prefix}/missing", b"3", if_match=old)
        with pytest.raises(NotFound):
            store.get(f"{prefix}/missing")

    def test_the_two_conditions_exclude_each_other(self, store: ObjectStore, prefix: str) -> None:
        with pytest.raises(ValueError, match="exclude each other"):
            store.put(f"{prefix}/k", b"1", if_none_match=True, if_match='"x"')

    def test_a_listing_is_in_order_and_begins_after_a_key(self, store: ObjectStore, prefix: str) -> None:
        for key in ("p/3", "p/1", "q/1", "p/2", "p/é", "p/Z"):
            store.put(f"{prefix}/{key}", b"xyz")
        found = list(store.list(f"{prefix}/p/", start_after=f"{prefix}/p/1"))
        assert [entry.key for entry in found] == [f"{prefix}/p/{name}" for name in ("2", "3", "Z", "é")]
        assert {entry.size for entry in found} == {3}

    def test_deleting_twice_is_no_error(self, store: ObjectStore, prefix: str) -> None:
        store.put(f"{prefix}/k", b"x")
        store.delete(f"{prefix}/k")
        store.delete(f"{prefix}/k")
        assert list(store.list(f"{prefix}/")) == []

    def test_of_many_creators_one_wins(self, store: ObjectStore, prefix: str) -> None:
        together = Barrier(RIVALS)

        def create(me: int) -> bytes | None:
            together.wait(30)
            try:
                store.put(f"{prefix}/k", str(me).encode(), if_none_match=True)
            except PreconditionFailed:
                return None
            return str(me).encode()

        with ThreadPoolExecutor(RIVALS) as threads:
            won = [body for body in threads.map(create, range(RIVALS)) if body is not None]
        assert won == [store.get(f"{prefix}/k").body]
