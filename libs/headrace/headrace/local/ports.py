"""Free ports on the loopback address, below the range from which the system gives ports to outgoing connections."""

from __future__ import annotations

import errno
import random
import socket
from collections.abc import Container

from headrace.contract.errors import StackError

LOOPBACK = "127.0.0.1"
# Above 32767 a client that polls a dead port can be given that very port as its own and connect to itself.
_LOWEST, _HIGHEST = 10240, 32767
_given: set[int] = set()  # a port is free until its server listens, so what this process gave out it never gives again


def is_free(port: int) -> bool:
    """Whether a server could listen on this loopback port now (waiting closed connections do not count)."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
            probe.listen(1)
        except OSError as error:
            if error.errno in (errno.EADDRINUSE, errno.EACCES):
                return False
            raise
    return True


def choose(taken: Container[int] = ()) -> int:
    """A free loopback port not in `taken`; drawn at random, so two stacks that start at once seldom collide."""
    for _ in range(1000):
        port = random.randint(_LOWEST, _HIGHEST)  # noqa: S311  not a secret, only spread out
        if port not in taken and port not in _given and is_free(port):
            _given.add(port)
            return port
    raise StackError(f"no free port between {_LOWEST} and {_HIGHEST} on {LOOPBACK}; stop something that listens there")


def accepts(port: int) -> bool:
    """Whether something accepts connections on this loopback port."""
    with socket.socket() as probe:
        probe.settimeout(1.0)
        return probe.connect_ex((LOOPBACK, port)) == 0
