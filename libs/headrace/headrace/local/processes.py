"""What runs in a state folder: exactly the processes that have its lock open (Linux: read from /proc)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

NAME_VARIABLE = "HEADRACE_CHILD"  # every child is told its name, and so can be recognised from outside
PORT_VARIABLE = "HEADRACE_HTTP_PORT"
_PROC = Path("/proc")


@dataclass(frozen=True, slots=True)
class Running:
    """A process of a stack: `name` is empty for the one that started the others, `http_port` is 0 without health."""

    pid: int
    name: str
    http_port: int
    memory: int  # bytes in memory now


def who_holds(path: Path) -> list[Running]:
    """Every process of this user that has the file open, by process id; they come and go, so it is a snapshot."""
    return [_describe(pid) for pid in sorted(_numbers()) if _has_open(pid, path)]


def peak_memory(pid: int) -> int:
    """The most memory that a process has had at once, in bytes; 0 when it does not run."""
    return _memory(pid, "VmHWM")


def _numbers() -> Iterator[int]:
    return (int(entry.name) for entry in _PROC.iterdir() if entry.name.isdigit())


def _has_open(pid: int, path: Path) -> bool:
    try:
        return any(link.readlink() == path for link in (_PROC / str(pid) / "fd").iterdir())
    except OSError:  # it ended meanwhile, or belongs to somebody else
        return False


def _describe(pid: int) -> Running:
    told = _environment(pid)
    return Running(pid, told.get(NAME_VARIABLE, ""), int(told.get(PORT_VARIABLE, "0")), _memory(pid, "VmRSS"))


def _environment(pid: int) -> dict[str, str]:
    try:
        text = (_PROC / str(pid) / "environ").read_text(errors="replace")
    except OSError:
        return {}
    return {name: value for name, _, value in (line.partition("=") for line in text.split("\0"))}


def _memory(pid: int, what: str) -> int:
    try:
        lines = (_PROC / str(pid) / "status").read_text().splitlines()
    except OSError:
        return 0
    found = next((line for line in lines if line.startswith(what)), f"{what}: 0 kB")
    return int(found.split()[1]) * 1024
