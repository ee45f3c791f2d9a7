"""One thing in a pipeline file that does not fit, by its path; contract.load knows the line."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches

Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Mistake:
    """Where, what is wrong, and what would mend it."""

    path: Path
    message: str
    mend: str = ""

    def __str__(self) -> str:
        return f"{dotted(self.path)}: {self.message}" + (f" ({self.mend})" if self.mend else "")


def dotted(path: Path) -> str:
    """Return a path as people write it: `streams.departures.clean[0].require`."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).removeprefix(".")


def mend_name(name: str, known: Iterable[str]) -> str:
    """Return what would mend a name that is not among these."""
    names = list(known)
    close = get_close_matches(name, names, 1)
    return f"did you mean {close[0]!r}?" if close else f"there are {', '.join(names) or 'none'}"


def unknown(path: Path, kind: str, name: str, known: Iterable[str], why: str = "") -> Mistake:
    """Return the mistake of naming a `kind` that is not there; `why` says who else names it."""
    message = f"{why} {name!r}, which is no {kind} here" if why else f"no {kind} {name!r} here"
    return Mistake(path, message, mend_name(name, known))
