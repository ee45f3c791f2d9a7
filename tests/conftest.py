"""What tests of every kind may ask for."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest


@pytest.fixture
def collected() -> Iterator[None]:
    """What a test leaves to the garbage collector is collected at its end, where the filters of its marks hold."""
    yield
    gc.collect()
