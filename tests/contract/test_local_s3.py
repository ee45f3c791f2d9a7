"""The embedded S3 server keeps the store's promises, really checks its keys, and passes the start-up probe."""

from __future__ import annotations

from dataclasses import replace

import pytest
from headrace.contract.errors import StackError, StoreRefused
from headrace.local.probes import wait_for_s3
from headrace.local.stack import Stack
from headrace.store.object_store import ObjectStore
from headrace.store.probe import probe
from headrace.store.s3 import S3Store
from rig.store_promises import StorePromises


class TestS3Store(StorePromises):
    @pytest.fixture
    def store(self, s3: S3Store) -> ObjectStore:
        return s3


def test_a_listing_of_many_pages_is_whole(s3: S3Store, prefix: str) -> None:
    """Given more objects than one page of a listing holds, every one of them is listed, once and in order."""
    client_page = 1000
    keys = [f"{prefix}/{number:05d}" for number in range(client_page + 5)]
    for key in keys:
        s3.put(key, b"")
    assert [entry.key for entry in s3.list(f"{prefix}/")] == keys


def test_its_conditional_writes_hold(s3: S3Store, prefix: str) -> None:
    """The probe that refuses moto accepts this one, and leaves nothing behind."""
    probe(s3, prefix)
    assert list(s3.list(prefix)) == []


def test_a_wrong_key_is_refused(stack: Stack, s3: S3Store, prefix: str) -> None:
    """Given another secret, nothing can be read or written, and the message says where."""
    stranger = S3Store(replace(s3.settings, secret_key="guessed"))
    with pytest.raises(StoreRefused, match=stack.endpoints.s3):
        stranger.get(f"{prefix}/k")
    with pytest.raises(StoreRefused):
        stranger.put(f"{prefix}/k", b"x")


def test_waiting_for_a_server_that_refuses_us_ends_at_once(stack: Stack) -> None:
    """Given a server with other keys, readiness is not waited for in vain: one message says what is wrong."""
    access = replace(stack.s3.access, secret_key="guessed")
    with pytest.raises(StackError, match="refuses the stack's keys"):
        wait_for_s3(stack.s3.child, access)
