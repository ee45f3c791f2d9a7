"""The double keeps the promises that the code above the store relies on."""

from __future__ import annotations

import pytest
from headrace.store.memory import MemoryStore
from headrace.store.object_store import ObjectStore
from rig.store_promises import StorePromises


class TestMemoryStore(StorePromises):
    @pytest.fixture
    def store(self) -> ObjectStore:
        return MemoryStore()

    @pytest.fixture
    def prefix(self) -> str:
        return "p"
