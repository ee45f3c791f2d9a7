"""Small services under the real supervisor."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from rig.toy_services import Toys


@pytest.fixture
def toys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Toys]:
    """Two instances of one service and one of another, not started; all are gone after the test."""
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "modules"))
    toys = Toys(tmp_path, {"weir": 2, "sluice": 1})
    yield toys
    toys.kill_all()
