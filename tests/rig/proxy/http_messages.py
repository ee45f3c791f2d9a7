"""Whole HTTP/1.1 messages, as far as an S3 client and server use them."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass, replace

_END = b"\r\n\r\n"
_NO_BODY = (204, 304)
_ETAG = re.compile(rb"(?im)^(etag:\s*)[^\r\n]*")
_EXPECT = re.compile(rb"(?im)^expect:[^\r\n]*\r\n")


@dataclass(frozen=True, slots=True)
class Request:
    """A request as it came, without its wish to be told to continue."""

    verb: str
    path: str
    bytes: bytes
    conditional: bool  # If-None-Match or If-Match


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer as it came."""

    status: int
    head: bytes
    body: bytes

    @property
    def bytes(self) -> bytes:
        """The whole of it."""
        return self.head + self.body

    def with_etag(self, etag: str) -> Answer:
        """The same with another ETag, where it has one."""
        return replace(self, head=_ETAG.sub(rb"\g<1>" + etag.encode(), self.head))


async def read_request(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Request | None:
    """The next request of a connection, None at its end."""
    head = await _head(reader)
    if head is None:
        return None
    fields = _fields(head)
    if fields.get("expect", "").lower() == "100-continue":
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        await writer.drain()
        head = _EXPECT.sub(b"", head, count=1)  # nobody signs it
    body = await _body(reader, fields)
    verb, path, _ = head.split(b"\r\n", 1)[0].decode("latin-1").split(" ", 2)
    conditional = verb == "PUT" and ("if-none-match" in fields or "if-match" in fields)
    return Request(verb, path, head + body, conditional)


async def read_answer(reader: asyncio.StreamReader, verb: str) -> Answer:
    """The answer to a request; raises ConnectionError when the server ends first."""
    while True:
        head = await _head(reader)
        if head is None:
            raise ConnectionError("the server closed the connection before it answered")
        status = int(head.split(b" ", 2)[1])
        if status != 100:
            break
    empty = verb == "HEAD" or status in _NO_BODY
    return Answer(status, head, b"" if empty else await _body(reader, _fields(head)))


def answer(status: int, code: str, verb: str) -> bytes:
    """An S3 error as a whole answer."""
    body = f'<?xml version="1.0" encoding="UTF-8"?><Error><Code>{code}</Code><Message>the rig says so</Message></Error>'
    head = f"HTTP/1.1 {status} {code}\r\nContent-Type: application/xml\r\nContent-Length: {len(body)}\r\n\r\n"
    return (head + ("" if verb == "HEAD" else body)).encode()


async def _head(reader: asyncio.StreamReader) -> bytes | None:
    try:
        return await reader.readuntil(_END)
    except asyncio.IncompleteReadError:
        return None


def _fields(head: bytes) -> dict[str, str]:
    lines = head.decode("latin-1").split("\r\n")[1:]
    return {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines) if name}


async def _body(reader: asyncio.StreamReader, fields: dict[str, str]) -> bytes:
    if "chunked" in fields.get("transfer-encoding", "").lower():
        return await _chunks(reader)
    length = int(fields.get("content-length", "0"))
    return await reader.readexactly(length) if length else b""


async def _chunks(reader: asyncio.StreamReader) -> bytes:
    parts = []
    while True:
        size = await reader.readline()
        parts.append(size)
        count = int(size.split(b";")[0], 16)
        parts.append(await reader.readexactly(count + 2))
        if count == 0:
            return b"".join(parts)
