"""Calls that may be repeated are, with doubling pauses; an outcome that was unknown once stays unknown."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from headrace.contract.errors import OutcomeUnknown, StoreUnavailable

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Repetition:
    """How often a call is made at most, and the seconds before the second time, which double each time."""

    attempts: int = 5
    first_pause: float = 0.1
    pause: Callable[[float], None] = time.sleep

    def __post_init__(self) -> None:
        if self.attempts < 1:
            raise ValueError("a call is made at least once")

    def of(self, call: Callable[[], T]) -> T:
        """The result of the call; raises what its last attempt raised, OutcomeUnknown where any of them did."""
        unknown: OutcomeUnknown | None = None
        failures = 0
        while True:
            try:
                return call()
            except (StoreUnavailable, OutcomeUnknown) as error:
                if isinstance(error, OutcomeUnknown):
                    unknown = error
                failures += 1
                if failures == self.attempts:
                    raise unknown or error from error
                self.wait(failures)

    def wait(self, failures: int) -> None:
        """Wait before the next attempt, after so many failures."""
        self.pause(self.first_pause * 2 ** (failures - 1))
