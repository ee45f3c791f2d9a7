"""Choices that follow from a seed and an id alone, the same in every process and every version of Python."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import TypeVar

T = TypeVar("T")


class Dice:
    """A stream of numbers; two of the same name are the same stream."""

    def __init__(self, *name: object) -> None:
        self._name = " ".join(map(str, name)).encode()
        self._thrown = 0

    def below(self, end: int) -> int:
        """A whole number from 0 up to, not including, `end`."""
        digest = hashlib.blake2b(self._name, digest_size=8, salt=self._thrown.to_bytes(16, "big")).digest()
        self._thrown += 1
        return int.from_bytes(digest, "big") % end

    def between(self, low: int, high: int) -> int:
        """A whole number from `low` to `high`, both possible."""
        return low + self.below(high - low + 1)

    def one_of(self, choices: Sequence[T]) -> T:
        """One of them, each as likely."""
        return choices[self.below(len(choices))]

    def weighed(self, shares: Mapping[T, int]) -> T:
        """One of the keys, as likely as its share says."""
        left = self.below(sum(shares.values()))
        for choice, share in shares.items():
            if left < share:
                return choice
            left -= share
        raise AssertionError("the shares add up")
