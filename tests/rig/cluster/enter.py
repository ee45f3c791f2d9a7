"""Into the namespaces of a cluster that runs: programs, and sockets of its network."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence

from headrace.contract.errors import StackError

_LISTEN = """
import socket, sys
address, port, back = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
server = socket.create_server((address, port))
socket.send_fds(socket.socket(fileno=back), [b"."], [server.fileno()])
"""


def run_inside(
    first_process: int, command: Sequence[str], environment: Mapping[str, str] | None = None, seconds: float = 120.0
) -> str:
    """Run a program in all namespaces of this process; returns what it printed.

    Raises StackError with the program's own words when it fails.
    """
    enter = ["nsenter", f"--target={first_process}", "--mount", "--net", "--pid", "--uts", "--ipc", *command]
    return _run(enter, environment, seconds)


def listen_inside(first_process: int, address: str, port: int) -> socket.socket:
    """A socket that listens in the network of this process and is served by ours, so that a test can be a server there.

    The address belongs to the socket's network for life; only who accepts is here.
    """
    ours, theirs = socket.socketpair()
    with ours, theirs:
        script = [sys.executable, "-I", "-c", _LISTEN, address, str(port), str(theirs.fileno())]
        _run(["nsenter", f"--target={first_process}", "--net", *script], None, 10.0, theirs.fileno())
        _, (descriptor,), _, _ = socket.recv_fds(ours, 1, 1)
    return socket.socket(fileno=descriptor)


def _run(command: Sequence[str], environment: Mapping[str, str] | None, seconds: float, *keep_open: int) -> str:
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=seconds, env=environment, pass_fds=keep_open
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise StackError(f"`{' '.join(command)}`: {error}") from error
    if done.returncode != 0:
        raise StackError(f"`{' '.join(command)}` failed: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout
