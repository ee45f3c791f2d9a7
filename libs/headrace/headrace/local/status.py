"""What runs in a state folder, as a table."""

from __future__ import annotations

from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.table import Table

from headrace.local.lock import LOCK
from headrace.local.memory import remembered
from headrace.local.ports import LOOPBACK
from headrace.local.probes import not_ready
from headrace.local.processes import Running, who_holds


def status_table(folder: Path) -> Table | None:
    """Every process of the stack in `folder` with where it listens, its memory and its state; None when none runs."""
    running = who_holds(folder / LOCK)
    if not running:
        return None
    memory = remembered(folder)
    ports = memory.ports if memory is not None else {}
    table = Table(title=f"the stack in {folder}", title_justify="left", box=SIMPLE_HEAD)
    for heading in ("part", "address", "pid", "MB"):
        table.add_column(heading, no_wrap=True)
    table.add_column("state")
    for process in sorted(running, key=lambda process: _place(process.name)):
        table.add_row(
            process.name or "supervisor",
            _address(process, ports),
            str(process.pid),
            f"{process.memory / 1e6:.0f}",
            _state(process),
        )
    return table


def _place(name: str) -> tuple[bool, bool, str]:
    """The supervisor, Kafka and S3, then the services."""
    return name not in ("", "kafka", "s3"), name != "", name


def _address(process: Running, ports: dict[str, int]) -> str:
    if process.name == "kafka":
        return f"{LOOPBACK}:{ports.get('kafka', '?')}"
    if process.name == "s3":
        return f"http://{LOOPBACK}:{ports.get('s3', '?')}"
    return _url(process) if process.name else ""


def _state(process: Running) -> str:
    if process.name in ("", "kafka", "s3"):
        return "runs"
    why = not_ready(_url(process))
    return "ready" if why is None else f"not ready: {why}"


def _url(process: Running) -> str:
    return f"http://{LOOPBACK}:{process.http_port}"
