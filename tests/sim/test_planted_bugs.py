"""The simulation can fail: every planted bug is found within a few seeds."""

from __future__ import annotations

import pytest

from sim.planted import BUGS, Bug
from sim.scenarios import simulate

_SEEDS = 120


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_a_planted_bug_is_found(bug: Bug) -> None:
    for seed in range(_SEEDS):
        with bug.plant():
            outcome = simulate(seed, bug.scenario)
        if outcome.problems:
            return
    pytest.fail(f"{_SEEDS} seeds did not notice that {bug.name}")
