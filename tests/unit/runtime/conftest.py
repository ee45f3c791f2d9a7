"""What stories of the runtime share."""

from __future__ import annotations

import pytest
from headrace.runtime import worker
from unit.runtime.staged import Clock


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The worker's clock, which stands still unless it is set."""
    clock = Clock()
    monkeypatch.setattr(worker, "time", clock)
    return clock
