"""The fault proxy: passes everything on as it is, and breaks what it is told to, for whom it is told to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from http.client import HTTPConnection, HTTPException, HTTPResponse, IncompleteRead
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
from headrace.local.ports import choose
from rig.proxy import HttpFault, ProxyThread, TcpFault, TcpProxy
from rig.proxy.http_messages import read_answer
from rig.proxy.tcp import client_id

BODY = b"0123456789"


class Store(BaseHTTPRequestHandler):
    """Answers every GET with ten bytes; remembers what was put."""

    protocol_version = "HTTP/1.1"
    stored: dict[str, bytes]

    def do_GET(self) -> None:
        self._answer(BODY)

    def do_PUT(self) -> None:
        self.stored[self.path] = self.rfile.read(int(self.headers["Content-Length"]))
        self._answer(b"")

    def _answer(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("ETag", '"right"')
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  its name in the class above
        """Nothing."""


@pytest.fixture
def stored() -> dict[str, bytes]:
    return {}


@pytest.fixture
def proxies(stored: dict[str, bytes]) -> Iterator[ProxyThread]:
    class Own(Store):
        pass

    Own.stored = stored
    with ThreadingHTTPServer(("127.0.0.1", 0), Own) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        with ProxyThread(lambda: 9, lambda: server.server_address[1], ["lake", "cleaning"], seed=1) as proxies:
            yield proxies
        server.shutdown()


def ask(port: int, verb: str = "GET", body: bytes | None = None, **headers: str) -> tuple[HTTPResponse, bytes]:
    connection = HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request(verb, "/key", body, {name.replace("_", "-"): value for name, value in headers.items()})
        answer = connection.getresponse()
        return answer, answer.read()
    finally:
        connection.close()


def test_a_healthy_proxy_changes_nothing(proxies: ProxyThread, stored: dict[str, bytes]) -> None:
    answer, body = ask(proxies.s3_ports["lake"])
    assert (answer.status, body, answer.headers["ETag"]) == (200, BODY, '"right"')
    ask(proxies.s3_ports["lake"], "PUT", b"x" * 100_000)
    assert stored == {"/key": b"x" * 100_000}


def test_who_waits_to_be_told_to_continue_is_told(proxies: ProxyThread, stored: dict[str, bytes]) -> None:
    answer, _ = ask(proxies.s3_ports["lake"], "PUT", b"abc", Expect="100-continue")
    assert (answer.status, stored) == (200, {"/key": b"abc"})


def test_refused_by_one_door_only(proxies: ProxyThread, stored: dict[str, bytes]) -> None:
    fault = HttpFault("503", door="lake")
    proxies.break_(fault)
    assert ask(proxies.s3_ports["lake"], "PUT", b"abc")[0].status == 503
    assert ask(proxies.s3_ports["cleaning"])[0].status == 200
    assert stored == {}
    proxies.heal(fault)
    assert ask(proxies.s3_ports["lake"])[0].status == 200
    assert proxies.done["503"] == 1


def test_done_and_answered_with_500(proxies: ProxyThread, stored: dict[str, bytes]) -> None:
    proxies.break_(HttpFault("forward_500"))
    answer, _ = ask(proxies.s3_ports["lake"], "PUT", b"abc", If_None_Match="*")
    assert (answer.status, stored) == (500, {"/key": b"abc"})
    assert proxies.done["unknown but succeeded"] == 1


def test_done_and_not_answered(proxies: ProxyThread, stored: dict[str, bytes]) -> None:
    proxies.break_(HttpFault("forward_cut"))
    with pytest.raises((HTTPException, OSError)):
        ask(proxies.s3_ports["lake"], "PUT", b"abc", If_None_Match="*")
    assert stored == {"/key": b"abc"}


def test_a_body_that_ends_in_its_middle(proxies: ProxyThread) -> None:
    proxies.break_(HttpFault("truncated"))
    with pytest.raises((IncompleteRead, ConnectionError)):
        ask(proxies.s3_ports["lake"])


def test_a_wrong_etag(proxies: ProxyThread) -> None:
    proxies.break_(HttpFault("wrong_etag"))
    answer, body = ask(proxies.s3_ports["lake"])
    assert body == BODY
    assert answer.headers["ETag"] not in (None, '"right"')


def test_down_is_down(proxies: ProxyThread) -> None:
    fault = HttpFault("down")
    proxies.break_(fault)
    with pytest.raises((HTTPException, OSError)):
        ask(proxies.s3_ports["lake"])
    proxies.heal(fault)
    assert ask(proxies.s3_ports["lake"])[0].status == 200


async def test_an_answer_in_chunks_is_read_whole() -> None:
    reader = asyncio.StreamReader()
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    chunks = b"3\r\nabc\r\n0\r\n\r\n"
    reader.feed_data(head + chunks + b"next")
    said = await read_answer(reader, "GET")
    assert (said.status, said.bytes) == (200, head + chunks)


@pytest.fixture
async def tcp() -> AsyncIterator[tuple[TcpProxy, int]]:
    """A proxy before a server that gives back what it gets."""

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(1000):
                writer.write(data)
        writer.close()

    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    port = choose()
    proxy = TcpProxy(lambda: int(server.sockets[0].getsockname()[1]))
    await proxy.start(port)
    yield proxy, port
    await proxy.stop()
    server.close()
    await asyncio.sleep(0.05)  # for the other ends of what was closed


def request(client: str) -> bytes:
    """The beginning of a Kafka request."""
    return bytes(12) + len(client).to_bytes(2, "big") + client.encode()


async def talk(port: int, data: bytes, seconds: float = 5.0) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(data)
        async with asyncio.timeout(seconds):
            return await reader.read(1000)
    except ConnectionError:
        return b""  # an end and a reset are both a cut
    finally:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


def test_a_client_says_its_name_in_its_first_request() -> None:
    assert client_id(request("lake-0")) == "lake-0"
    assert client_id(bytes(12) + b"\xff\xff") == ""
    assert client_id(b"") == ""


async def test_bytes_go_through(tcp: tuple[TcpProxy, int]) -> None:
    assert await talk(tcp[1], request("lake-0")) == request("lake-0")


async def test_only_the_client_that_is_named_is_cut(tcp: tuple[TcpProxy, int]) -> None:
    proxy, port = tcp
    fault = TcpFault("cut", "lake-0")
    proxy.break_(fault)
    assert await talk(port, request("lake-0")) == b""
    assert await talk(port, request("cleaning-0")) == request("cleaning-0")
    proxy.heal(fault)
    assert await talk(port, request("lake-0")) == request("lake-0")
    assert proxy.cuts == 1


async def test_a_hole_swallows_until_it_is_healed(tcp: tuple[TcpProxy, int]) -> None:
    proxy, port = tcp
    fault = TcpFault("hole")
    proxy.break_(fault)
    with pytest.raises(TimeoutError):
        await talk(port, request("lake-0"), 0.3)
    waiting = asyncio.create_task(talk(port, request("lake-0")))
    await asyncio.sleep(0.1)
    proxy.heal(fault)
    assert await waiting == request("lake-0")


async def test_slow_is_late(tcp: tuple[TcpProxy, int]) -> None:
    proxy, port = tcp
    proxy.break_(TcpFault("slow", seconds=0.2))
    began = asyncio.get_running_loop().time()
    assert await talk(port, request("lake-0")) == request("lake-0")
    assert asyncio.get_running_loop().time() - began >= 0.4  # both ways
