"""From the host to the API server: connections to a socket of the host's network end in the cluster's network.

The socket was made outside and is inherited, so it listens there, while what this process connects to is in here.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from threading import Thread

_CHUNK = 1 << 16  # bytes


def relay_in_background(listener: socket.socket, port: int) -> None:
    """Relay every connection of `listener` to the loopback `port` in here, for as long as this process lives."""
    Thread(target=lambda: asyncio.run(_serve(listener, port)), name="relay", daemon=True).start()


async def _serve(listener: socket.socket, port: int) -> None:
    async def connect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there_reader, there_writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:  # the API server does not listen: neither do we
            writer.close()
            return
        await asyncio.gather(_copy(reader, there_writer), _copy(there_reader, writer))

    server = await asyncio.start_server(connect, sock=listener)
    await server.serve_forever()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):  # one side went away; the other is closed below
        while chunk := await reader.read(_CHUNK):
            writer.write(chunk)
            await writer.drain()
    writer.close()
