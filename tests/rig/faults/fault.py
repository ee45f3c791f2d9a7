"""A fault is data, and a schedule is a seed with a list of them: one line of text from which a run can be repeated."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class Fault:
    """What goes wrong: `at` seconds of the schedule's clock, for `lasts` seconds, where `target` is.

    A target is a service (its first instance), `kafka`, `s3` or `all`; `detail` says more for some kinds. The clock
    stands still before a `calm` fault until everything flows again.
    """

    at: float
    target: str
    kind: str
    lasts: float = 0.0
    detail: str = ""
    calm: bool = False

    def to_json(self) -> dict[str, Any]:
        """Plain data, without what is as usual."""
        said: dict[str, Any] = {"at": round(self.at, 2), "target": self.target, "kind": self.kind}
        said |= {"for": self.lasts} if self.lasts else {}
        said |= {"detail": self.detail} if self.detail else {}
        return said | ({"calm": True} if self.calm else {})

    @classmethod
    def from_json(cls, said: dict[str, Any]) -> Self:
        """The inverse of `to_json`; raises TypeError and KeyError for anything else."""
        more = {key: value for key, value in said.items() if key != "for"}
        return cls(**more, lasts=float(said.get("for", 0.0)))

    def __str__(self) -> str:
        lasting = f" for {self.lasts:g} s" if self.lasts else ""
        return f"{self.kind} {self.target}{f' {self.detail}' if self.detail else ''}{lasting}"


@dataclass(frozen=True, slots=True)
class Schedule:
    """Faults in the order of their times; the seed is that of the oracle and of whatever happens by chance."""

    seed: int
    faults: Sequence[Fault]

    def line(self) -> str:
        """One line that `parse` reads."""
        faults = [fault.to_json() for fault in self.faults]
        return json.dumps({"seed": self.seed, "faults": faults}, separators=(",", ":"))

    @classmethod
    def parse(cls, line: str) -> Self:
        """The inverse of `line`; raises ValueError, TypeError and KeyError for anything else."""
        said = json.loads(line)
        return cls(int(said["seed"]), tuple(Fault.from_json(each) for each in said["faults"]))
