"""The one live view: what each service does, how far behind it is, and what happens next."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self
from urllib.request import urlopen

from headrace.local.service import Service
from prometheus_client.parser import text_string_to_metric_families
from rich.console import Console
from rich.live import Live
from rich.table import Table

_DONE = ("kept", "applied", "scored", "written")
_EVERY_SECONDS = 1.0
_LINE_SECONDS = 10.0  # where there is no terminal


@dataclass
class Sample:
    """What one service said of itself."""

    rows: float = 0.0
    lag: float = 0.0
    rejected: float = 0.0
    messages: float = 0.0
    late: float = 0.0


@dataclass
class View:
    """Asks every service once a second, shows it, and keeps the history for the result page; a context manager."""

    services: list[Service]
    console: Console
    step: str = "starting"
    after: str = ""
    history: list[tuple[float, dict[str, Sample]]] = field(default_factory=list)
    peaks: dict[str, int] = field(default_factory=dict)

    def __enter__(self) -> Self:
        self._began = time.monotonic()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="view", daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()

    def say(self, step: str, after: str = "") -> None:
        """Name what goes on now and what comes next."""
        self.step, self.after = step, after
        self.console.print(f"[bold]{time.monotonic() - self._began:5.0f} s[/]  {step}")

    def _run(self) -> None:
        if self.console.is_terminal:
            with Live(self._table(), console=self.console, refresh_per_second=2, transient=True) as live:
                while not self._stop.wait(_EVERY_SECONDS):
                    self._look()
                    live.update(self._table())
            return
        said = time.monotonic()
        while not self._stop.wait(_EVERY_SECONDS):
            self._look()
            if time.monotonic() - said >= _LINE_SECONDS:
                said = time.monotonic()
                self.console.print(self._line(), highlight=False)

    def _look(self) -> None:
        samples = {service.name: sample(service) for service in self.services}
        self.history.append((time.monotonic() - self._began, samples))
        for service in self.services:
            self.peaks[service.name] = max(self.peaks.get(service.name, 0), service.memory())

    def _rate(self, name: str) -> float:
        recent = self.history[-5:]
        if len(recent) < 2:
            return 0.0
        (start, before), (end, now) = recent[0], recent[-1]
        return max(0.0, (now[name].rows - before[name].rows) / (end - start))

    def _table(self) -> Table:
        elapsed = time.monotonic() - self._began
        table = Table(title=f"{elapsed:.0f} s  {self.step}", caption=f"next: {self.after}" if self.after else None)
        for column in ("service", "rows/s", "rows", "lag (messages)", "quarantined", "batches"):
            table.add_column(column, justify="left" if column == "service" else "right")
        now = self.history[-1][1] if self.history else {}
        for name, said in now.items():
            table.add_row(
                name,
                f"{self._rate(name):,.0f}",
                f"{said.rows:,.0f}",
                f"{said.lag:,.0f}",
                f"{said.rejected:,.0f}",
                f"{said.messages:,.0f}",
            )
        return table

    def _line(self) -> str:
        now = self.history[-1][1]
        parts = [f"{name} {self._rate(name):,.0f} rows/s (lag {said.lag:,.0f})" for name, said in now.items()]
        return f"{time.monotonic() - self._began:5.0f} s    " + "; ".join(parts)


def sample(service: Service) -> Sample:
    """What a service says of itself now; zeros while it does not answer."""
    try:
        with urlopen(f"http://127.0.0.1:{service.port}/metrics", timeout=1.0) as answer:
            text = answer.read().decode()
    except OSError:
        return Sample()
    said = Sample()
    for family in text_string_to_metric_families(text):
        for each in family.samples:
            outcome = each.labels.get("outcome")
            if each.name == "headrace_rows_total" and outcome in _DONE:
                said.rows += each.value
            elif each.name == "headrace_rows_total" and outcome == "rejected":
                said.rejected += each.value
            elif each.name == "headrace_rows_total" and outcome == "late":
                said.late += each.value
            elif each.name == "headrace_lag_messages":
                said.lag += each.value
            elif each.name == "headrace_messages_in_total":
                said.messages += each.value
    return said
