"""Kubernetes label selectors: `a=b`, `a==b`, `a!=b`, `a in (b, c)`, `a notin (b, c)`, `a`, `!a`, joined by commas."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from headrace.contract.errors import HeadraceError

_LIMIT = 4096
_NAME = r"[A-Za-z0-9](?:[-A-Za-z0-9_./]*[A-Za-z0-9])?"
_VALUE = rf"(?:{_NAME})?"
_PARTS = re.compile(r",(?![^()]*\))")
_SET = re.compile(rf"({_NAME})\s+(in|notin)\s*\(([^()]*)\)")
_EQUAL = re.compile(rf"({_NAME})\s*(==|=|!=)\s*({_VALUE})")
_EXISTS = re.compile(rf"(!?)\s*({_NAME})")


class BadSelector(HeadraceError):
    """A label selector that cannot be read."""


@dataclass(frozen=True, slots=True)
class Requirement:
    """`key` must (or must not) have one of these values; `values` is None where it only must be there (or not)."""

    key: str
    values: frozenset[str] | None
    wanted: bool

    def matches(self, labels: Mapping[str, str]) -> bool:
        """A label that is not there satisfies what must not be."""
        found = self.key in labels and (self.values is None or labels[self.key] in self.values)
        return found is self.wanted


def parse(text: str) -> tuple[Requirement, ...]:
    """The requirements, all of which must hold; none for an empty text. Raises BadSelector."""
    if len(text) > _LIMIT:
        raise BadSelector(f"a label selector of {len(text)} characters; {_LIMIT} is the most")
    return tuple(_requirement(part.strip()) for part in _PARTS.split(text)) if text.strip() else ()


def matches(requirements: tuple[Requirement, ...], labels: Mapping[str, str]) -> bool:
    """Whether labels satisfy every requirement."""
    return all(requirement.matches(labels) for requirement in requirements)


def _requirement(part: str) -> Requirement:
    if found := _SET.fullmatch(part):
        values = frozenset(value.strip() for value in found[3].split(","))
        if all(re.fullmatch(_VALUE, value) for value in values):
            return Requirement(found[1], values, found[2] == "in")
    if found := _EQUAL.fullmatch(part):
        return Requirement(found[1], frozenset([found[3]]), found[2] != "!=")
    if found := _EXISTS.fullmatch(part):
        return Requirement(found[2], None, not found[1])
    raise BadSelector(f"unable to parse requirement {part[:80]!r}: expected key=value, key in (a, b), key or !key")
