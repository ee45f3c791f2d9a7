"""Both proxies in a thread with an event loop of its own, for a driver that has none."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Callable, Coroutine, Iterable
from types import TracebackType
from typing import Any, Self, TypeVar

from headrace.local.ports import choose

from rig.proxy.http import HttpFault, HttpProxy
from rig.proxy.tcp import TcpFault, TcpProxy

T = TypeVar("T")


class ProxyThread:
    """One port in front of Kafka and, for each door, one in front of S3; a context manager."""

    def __init__(self, kafka: Callable[[], int], s3: Callable[[], int], doors: Iterable[str], seed: int) -> None:
        self.kafka_port = choose()
        self.s3_ports = {door: choose() for door in doors}
        self._tcp = TcpProxy(kafka)
        self._http = HttpProxy(s3, seed)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._do(self._tcp.start(self.kafka_port))
        for door, port in self.s3_ports.items():
            self._do(self._http.open_door(door, port))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._do(self._tcp.stop())
        self._do(self._http.stop())
        self._do(_settle())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    @property
    def done(self) -> Counter[str]:
        """How many requests and connections met each fault."""
        return self._http.done + Counter({"kafka connections cut": self._tcp.cuts})

    def break_(self, fault: TcpFault | HttpFault) -> None:
        """Let something be wrong until `heal`."""
        self._do(_call(self._tcp.break_, fault) if isinstance(fault, TcpFault) else _call(self._http.break_, fault))

    def heal(self, fault: TcpFault | HttpFault) -> None:
        """Let it be right again."""
        self._do(_call(self._tcp.heal, fault) if isinstance(fault, TcpFault) else _call(self._http.heal, fault))

    def _do(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(30)


async def _call(work: Callable[[Any], None], fault: TcpFault | HttpFault) -> None:
    work(fault)


async def _settle() -> None:
    """Let what was closed come to its end."""
    own = asyncio.current_task()
    left = [task for task in asyncio.all_tasks() if task is not own]
    for task in left:
        task.cancel()
    await asyncio.gather(*left, return_exceptions=True)
