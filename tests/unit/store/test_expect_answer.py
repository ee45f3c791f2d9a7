"""Asking a store before anything depends on it."""

from __future__ import annotations

import socket

import pytest
from headrace.contract.errors import StoreUnavailable
from headrace.store.memory import MemoryStore
from headrace.store.object_store import expect_answer
from headrace.store.s3 import S3Settings, S3Store


def test_a_store_that_answers_is_good_enough_empty_or_not() -> None:
    store = MemoryStore()
    expect_answer(store, "p/")
    store.put("p/a", b"")
    expect_answer(store, "p/")


def test_a_store_that_is_not_there_says_so() -> None:
    with socket.socket() as bound:  # nobody listens, and nobody else can take the port meanwhile
        bound.bind(("127.0.0.1", 0))
        settings = S3Settings(f"http://127.0.0.1:{bound.getsockname()[1]}", "suite", "someone", "hush", attempts=1)
        with pytest.raises(StoreUnavailable, match=r"bucket suite at .*: could not connect .*; is the store up\?"):
            expect_answer(S3Store(settings), "p/")
