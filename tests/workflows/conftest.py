"""Programs that are built once."""

from __future__ import annotations

from pathlib import Path

import pytest
from headrace.local.places import cache_folder
from rig.workflows.linters import actionlint_ready


@pytest.fixture(scope="session")
def actionlint_program() -> Path:
    """actionlint of the pinned version."""
    return actionlint_ready(cache_folder(), print)
