"""An HTTP/1.1 proxy for an S3 server: passes requests on as they are, and answers wrongly where it is told to."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal

from rig.proxy.http_messages import Answer, Request, answer, read_answer, read_request

_HOST = "127.0.0.1"

HttpMode = Literal["503", "slow", "truncated", "wrong_etag", "forward_500", "forward_cut", "down"]


@dataclass(frozen=True, slots=True)
class HttpFault:
    """What becomes of a share of the requests that come in by `door` (a service; empty: every door).

    503: refused · slow: `seconds` later · truncated: the body ends in its middle · wrong_etag · forward_500: done, and
    answered with 500 · forward_cut: done, and not answered · down: no connection is accepted for long enough to speak.
    """

    mode: HttpMode
    door: str = ""
    share: float = 1.0
    path: str = ""  # only requests whose path has this in it
    seconds: float = 1.0


class _Cut(Exception):
    """The connection is to be closed without another word."""


class HttpProxy:
    """Forwards to the port that `upstream` names; a door is a port of the proxy's own, so one service can be broken."""

    def __init__(self, upstream: Callable[[], int], seed: int) -> None:
        self._upstream = upstream
        self._dice = random.Random(seed)
        self._faults: list[HttpFault] = []
        self._servers: list[asyncio.Server] = []
        self._writers: dict[asyncio.StreamWriter, str] = {}
        self.done: Counter[str] = Counter()
        """Requests by what they met; `unknown but succeeded`: conditional writes that landed and got no answer."""

    async def open_door(self, door: str, port: int) -> None:
        """Listen on this loopback port."""

        async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await self._accept(door, reader, writer)

        self._servers.append(await asyncio.start_server(accept, _HOST, port))

    async def stop(self) -> None:
        """Close everything."""
        for server in self._servers:
            server.close()
        while self._writers:
            for writer in list(self._writers):
                writer.transport.abort()
            await asyncio.sleep(0)
        await asyncio.sleep(0)  # the last of them is closed by the loop's next turn

    def break_(self, fault: HttpFault) -> None:
        """Let this be wrong until `heal`."""
        self._faults.append(fault)
        if fault.mode == "down":
            for writer, door in list(self._writers.items()):
                if fault.door in ("", door):
                    writer.transport.abort()

    def heal(self, fault: HttpFault) -> None:
        """Let it be right again."""
        with suppress(ValueError):
            self._faults.remove(fault)

    def _is_down(self, door: str) -> bool:
        return any(fault.mode == "down" and fault.door in ("", door) for fault in self._faults)

    def _fault(self, door: str, path: str) -> HttpFault | None:
        for fault in self._faults:
            fits = fault.door in ("", door) and fault.path in path
            if fits and fault.mode != "down" and self._dice.random() < fault.share:
                return fault
        return None

    async def _accept(self, door: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._is_down(door):
            self.done["down"] += 1
            writer.transport.abort()
            return
        self._writers[writer] = door
        far: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        try:
            while (request := await read_request(reader, writer)) is not None:
                fault = self._fault(door, request.path)
                if fault is not None and fault.mode == "503":
                    self.done["503"] += 1
                    writer.write(answer(503, "SlowDown", request.verb))
                else:
                    if far is None or far[1].is_closing() or far[0].at_eof():
                        far = await asyncio.open_connection(_HOST, self._upstream())
                    far[1].write(request.bytes)
                    await far[1].drain()
                    said = await read_answer(far[0], request.verb)
                    await self._return(fault, request, said, writer)
                await writer.drain()
        except (OSError, asyncio.IncompleteReadError, _Cut):
            return
        finally:
            self._writers.pop(writer, None)
            if not writer.is_closing():
                writer.transport.abort()
            if far is not None:
                far[1].transport.abort()

    async def _return(
        self, fault: HttpFault | None, request: Request, said: Answer, writer: asyncio.StreamWriter
    ) -> None:
        if fault is None:
            writer.write(said.bytes)
            return
        self.done[fault.mode] += 1
        match fault.mode:
            case "slow":
                await asyncio.sleep(fault.seconds)
                writer.write(said.bytes)
            case "truncated":
                writer.write(said.head + said.body[: len(said.body) // 2])
                await writer.drain()
                await asyncio.sleep(0.05)  # what was written gets there before the end does
                writer.close()
                raise _Cut
            case "wrong_etag":
                writer.write(said.with_etag('"00000000000000000000000000000000"').bytes)
            case "forward_500" | "forward_cut":
                if request.conditional and said.status < 300:
                    self.done["unknown but succeeded"] += 1
                if fault.mode == "forward_cut":
                    raise _Cut
                writer.write(answer(500, "InternalError", request.verb))
