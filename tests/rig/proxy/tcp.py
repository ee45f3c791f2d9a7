"""A TCP proxy that can slow, cut and swallow connections, all of them or those of one Kafka client."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Literal

_CHUNK = 1 << 16
_HOST = "127.0.0.1"
_CLIENT_ID_AT = 12  # size, api key, api version, correlation id come before
_LOOK = 0.05


@dataclass(frozen=True, slots=True)
class TcpFault:
    """What is wrong with the connections of `client` (a Kafka client id; empty: everybody's).

    slow: every chunk takes `seconds` longer · cut: connections are closed at once, again and again · hole: connections
    stay and are accepted, and nothing goes through.
    """

    mode: Literal["slow", "cut", "hole"]
    client: str = ""
    seconds: float = 0.2


@dataclass(eq=False, slots=True)
class _Link:
    """One connection and who opened it, known from its first request."""

    client: str = ""
    tasks: list[asyncio.Task[None]] = field(default_factory=list)
    writers: list[asyncio.StreamWriter] = field(default_factory=list)


class TcpProxy:
    """Forwards to the port that `upstream` names at the moment of connecting."""

    def __init__(self, upstream: Callable[[], int]) -> None:
        self._upstream = upstream
        self._faults: list[TcpFault] = []
        self._links: set[_Link] = set()
        self._server: asyncio.Server | None = None
        self.cuts = 0  # connections that were cut

    async def start(self, port: int) -> None:
        """Listen on this loopback port."""
        self._server = await asyncio.start_server(self._accept, _HOST, port)

    async def stop(self) -> None:
        """Close everything."""
        if self._server is not None:
            self._server.close()
        while self._links:
            for link in list(self._links):
                self._close(link)
            await asyncio.sleep(0)
        await asyncio.sleep(0)  # the last of them is closed by the loop's next turn

    def break_(self, fault: TcpFault) -> None:
        """Let this be wrong until `heal`; a cut hits the connections that are open now, too."""
        self._faults.append(fault)
        if fault.mode == "cut":
            for link in list(self._links):
                if self._meets(link, "cut"):
                    self.cuts += 1
                    self._close(link)

    def heal(self, fault: TcpFault) -> None:
        """Let it be right again."""
        with suppress(ValueError):
            self._faults.remove(fault)

    def _meets(self, link: _Link, mode: str) -> TcpFault | None:
        return next((f for f in self._faults if f.mode == mode and f.client in ("", link.client)), None)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        link = _Link(writers=[writer])
        self._links.add(link)
        try:
            first = await reader.read(_CHUNK)
            link.client = client_id(first)
            if not first or self._meets(link, "cut"):
                self.cuts += bool(first)
                return
            try:
                far_reader, far_writer = await asyncio.open_connection(_HOST, self._upstream())
            except OSError:
                return
            link.writers.append(far_writer)
            link.tasks = [
                asyncio.create_task(self._pump(link, reader, far_writer, first)),
                asyncio.create_task(self._pump(link, far_reader, writer, b"")),
            ]
            await asyncio.wait(link.tasks, return_when=asyncio.FIRST_COMPLETED)
        except OSError:
            return
        finally:
            self._close(link)
            self._links.discard(link)

    async def _pump(
        self, link: _Link, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, chunk: bytes
    ) -> None:
        with suppress(OSError, asyncio.CancelledError):
            while True:
                if chunk:
                    while self._meets(link, "hole"):  # noqa: ASYNC110  faults come and go, and each is for some links
                        await asyncio.sleep(_LOOK)
                    if slow := self._meets(link, "slow"):
                        await asyncio.sleep(slow.seconds)
                    writer.write(chunk)
                    await writer.drain()
                chunk = await reader.read(_CHUNK)
                if not chunk:
                    return

    def _close(self, link: _Link) -> None:
        for task in link.tasks:
            task.cancel()
        for writer in link.writers:
            writer.transport.abort()


def client_id(request: bytes) -> str:
    """The client id of a Kafka request, empty when it has none."""
    start = _CLIENT_ID_AT + 2
    if len(request) < start:
        return ""
    length = int.from_bytes(request[_CLIENT_ID_AT:start], "big", signed=True)
    return request[start : start + max(0, length)].decode("utf-8", "replace")
