"""`python -m rig.faults.zygote <service> <descriptor>`: has imported a service once and forks it as often as needed.

A start costs seconds of imports, and a campaign has a thousand of them. The descriptor is a socket on which orders come
(one line of JSON: environment and log) and answers go (`started`, `ended`). Forks die with the zygote.
"""

from __future__ import annotations

import atexit
import ctypes
import gc
import importlib
import importlib.util
import json
import os
import selectors
import signal
import socket
import sys
import threading
from dataclasses import dataclass
from typing import Any, NoReturn

import boto3.session

from rig.failpoints.become import become, module_of

_PR_SET_PDEATHSIG = 1


@dataclass(frozen=True, slots=True)
class Order:
    """What a fork is told."""

    instance: str
    environment: dict[str, str]
    log: str


def main() -> None:
    """Import, answer `ready`, and fork until the other end of the socket is closed."""
    service, descriptor = sys.argv[1], int(sys.argv[2])
    _import(service)
    libc = ctypes.CDLL(None)
    own = os.getpid()
    order = _serve(socket.socket(fileno=descriptor))
    if order is None:
        return
    libc.prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL))  # here and below: in the fork
    if os.getppid() != own:
        sys.exit("the zygote ended before its fork began")
    _set_up(order)
    try:
        become(service, order.environment)
    except SystemExit as end:
        _end(end)


def _end(end: SystemExit) -> NoReturn:
    """What Python does at its end, threads included, without what libraries in C do: they wait for threads of before
    the fork, which are not here."""
    threading._shutdown()  # type: ignore[attr-defined]  # joins the threads that the service has left
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(end.code if isinstance(end.code, int) else bool(end.code))


def _import(service: str) -> None:
    """Everything that a start would import or read, so that a fork finds it done."""
    importlib.import_module(module_of(service))
    if importlib.util.find_spec("pandas") is not None:
        importlib.import_module("pandas")  # pyarrow does, where it is installed
    session = boto3.session.Session()
    boto3.session.Session = lambda: session  # type: ignore[misc, assignment]  # it has read the descriptions of S3
    if service == "feature_engineering":
        from headrace.features.engine import Engine

        Engine.compile()
    from headrace.store.s3 import S3Settings, S3Store

    S3Store(S3Settings("http://127.0.0.1:9", "b", "a", "s"))
    gc.freeze()


def _serve(channel: socket.socket) -> Order | None:
    """Fork for each order; returns the order in the fork, None in the zygote when nobody is left to order."""
    waker, woken = socket.socketpair()
    woken.setblocking(False)
    waker.setblocking(False)
    signal.set_wakeup_fd(waker.fileno())
    signal.signal(signal.SIGCHLD, lambda *_: None)
    _say(channel, what="ready")
    pending = b""
    with selectors.DefaultSelector() as selector:
        selector.register(channel, selectors.EVENT_READ)
        selector.register(woken, selectors.EVENT_READ)
        while True:
            for key, _ in selector.select():
                if key.fileobj is woken:
                    woken.recv(4096)
                    _reap(channel)
                    continue
                received = channel.recv(1 << 16)
                if not received:
                    return None
                *lines, pending = (pending + received).split(b"\n")
                for line in lines:
                    order = Order(**json.loads(line))
                    pid = os.fork()
                    if pid == 0:
                        for each in (channel, waker, woken):
                            each.close()
                        return order
                    _say(channel, what="started", instance=order.instance, pid=pid)


def _reap(channel: socket.socket) -> None:
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        _say(channel, what="ended", pid=pid, status=os.waitstatus_to_exitcode(status))


def _set_up(order: Order) -> None:
    """A session, a log and an environment of its own, and no trace of the zygote's signal handling."""
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.setsid()
    log = os.open(order.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.close(log)
    os.environ.clear()
    os.environ.update(order.environment)


def _say(channel: socket.socket, **what: Any) -> None:
    channel.sendall(f"{json.dumps(what)}\n".encode())


if __name__ == "__main__":
    main()
