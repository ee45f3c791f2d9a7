"""What a failpoint does, as text: `name:mode:nth[:seconds]`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Self, get_args

Mode = Literal["exit", "sleep", "raise"]
_MODES: tuple[str, ...] = get_args(Mode)

KILLED = 137
"""The exit status of mode `exit`: what an orchestrator sees of a SIGKILL."""


class FailpointRaised(RuntimeError):
    """What mode `raise` raises: an error that nobody planned for."""


@dataclass(frozen=True, slots=True)
class Spec:
    """At the `nth` time that `point` is passed: end the process, wait `seconds`, or raise FailpointRaised."""

    point: str
    mode: Mode
    nth: int = 1
    seconds: float = 0.0

    @classmethod
    def parse(cls, text: str) -> Self:
        """The inverse of `str`; raises ValueError."""
        point, mode, nth, *rest = [*text.split(":"), "1"] if text.count(":") == 1 else text.split(":")
        if mode not in _MODES or len(rest) > 1:
            raise ValueError(f"{text!r} is no failpoint: name:mode:nth[:seconds] with one of {', '.join(_MODES)}")
        return cls(point, mode, int(nth), float(rest[0]) if rest else 0.0)  # type: ignore[arg-type]  # one of the three

    def __str__(self) -> str:
        return f"{self.point}:{self.mode}:{self.nth}" + (f":{self.seconds:g}" if self.seconds else "")
