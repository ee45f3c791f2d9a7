"""A start waits for what is not there yet, says for what, and not for ever."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from headrace.contract.errors import BrokerUnavailable, OutcomeUnknown, StoreRefused, StoreUnavailable
from headrace.runtime import patience as module
from headrace.runtime.patience import Patience


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_FIRST_PAUSE", 0.001)


def fails_with(*errors: Exception) -> Callable[[], str]:
    """Raises these in turn, and gives a result then."""
    left = list(errors)

    def work() -> str:
        if left:
            raise left.pop(0)
        return "done"

    return work


async def test_it_says_what_it_waits_for() -> None:
    patience = Patience(60)
    assert patience.why == "starting"
    await patience.after(BrokerUnavailable("nobody is there"))
    assert patience.why == "nobody is there"


async def test_what_fails_when_the_time_is_over_is_raised() -> None:
    with pytest.raises(BrokerUnavailable, match="nobody is there"):
        await Patience(0).after(BrokerUnavailable("nobody is there"))


async def test_a_store_that_is_away_is_asked_again() -> None:
    work = fails_with(StoreUnavailable("away"), OutcomeUnknown("cut"))
    assert await Patience(60).until_stored(work) == "done"


async def test_a_store_that_refuses_is_not_asked_again() -> None:
    with pytest.raises(StoreRefused):
        await Patience(60).until_stored(fails_with(StoreRefused("this key is unknown")))
