"""Services of a few lines each, run as processes of their own: they do what files tell them."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path

from headrace.local.services import Services
from headrace.local.stack import Endpoints

ENDPOINTS = Endpoints("127.0.0.1:1", "http://127.0.0.1:2", "someone", "hush", "bucket")

_TOY = """
import http.server, os, pathlib, signal, threading

folder = pathlib.Path(os.environ["HEADRACE_PIPELINE"]).parent
told = ["KAFKA", "S3_ENDPOINT", "S3_BUCKET", "S3_ACCESS_KEY", "S3_SECRET_KEY", "INSTANCE"]
print("told", *(os.environ["HEADRACE_" + name] for name in told), flush=True)
ending = threading.Event()
if not (folder / "deaf").exists():
    signal.signal(signal.SIGTERM, lambda *_: ending.set())
else:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)

class Health(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        ready = self.path == "/readyz" and (folder / "ready").exists()
        self.send_response(200 if ready else 503)
        self.end_headers()
        self.wfile.write(b"ready" if ready else b"waiting for a file")

    def log_message(self, *_):
        pass

address = os.environ["HEADRACE_HTTP_HOST"], int(os.environ["HEADRACE_HTTP_PORT"])
threading.Thread(target=http.server.ThreadingHTTPServer(address, Health).serve_forever, daemon=True).start()
while not ending.wait(0.02):
    if (folder / "end").exists():
        print("cannot go on", flush=True)
        os._exit(int((folder / "end").read_text()))
print("handed over", flush=True)
"""


class Toys(Services):
    """A supervisor of toys; the files named here tell every instance what to do."""

    def __init__(self, folder: Path, counts: Mapping[str, int]) -> None:
        modules = folder / "modules"  # must be on PYTHONPATH
        modules.mkdir()
        for name in counts:
            (modules / f"headrace_{name}.py").write_text(_TOY)
        super().__init__(counts, pipeline=folder / "pipeline.yaml", endpoints=ENDPOINTS, logs=folder / "logs")
        self.ready = folder / "ready"  # be ready
        self.end = folder / "end"  # end with the exit status that it holds
        self.deaf = folder / "deaf"  # ignore SIGTERM


def until(condition: Callable[[], bool], what: str, seconds: float = 20.0) -> None:
    """Return once the condition holds; fails when the deadline passes."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not after {seconds:g} s: {what}"
        time.sleep(0.02)
