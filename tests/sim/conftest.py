"""Quiet logs, and a garbage collector that does not look at every world a hundred times."""

from __future__ import annotations

import gc
import logging
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    before = gc.get_threshold()
    gc.set_threshold(50_000, 20, 20)
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)
    gc.set_threshold(*before)
