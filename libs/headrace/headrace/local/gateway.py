"""A real S3 server (versitygw, objects are plain files) as a child process."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from headrace.local.child import Child
from headrace.local.ports import LOOPBACK
from headrace.local.probes import S3Access, wait_for_s3

_STOP_SECONDS = 10.0


class S3Server:
    """One S3 server with its objects under `folder`; it enforces its credentials and keeps its data over restarts."""

    def __init__(
        self,
        program: Path,
        folder: Path,
        *,
        log: Path,
        port: int,
        access_key: str,
        secret_key: str,
        bucket: str,
        keep_open: Sequence[int] = (),
    ) -> None:
        self.port = port
        self.folder = folder
        self.access = S3Access(f"http://{LOOPBACK}:{port}", access_key, secret_key, bucket)
        options = ["--port", f"{LOOPBACK}:{port}", "--iam-dir", str(folder / "users"), "--keep-alive", "--quiet"]
        self.child = Child(
            "s3",
            [str(program), *options, "posix", str(folder / "objects")],
            log=log,
            environment={**os.environ, "ROOT_ACCESS_KEY": access_key, "ROOT_SECRET_KEY": secret_key},
            keep_open=keep_open,
        )

    def start(self) -> None:
        """Start the server and return when a conditional PUT works; raises StackError when it does not."""
        self.spawn()
        self.wait()

    def spawn(self) -> None:
        """Start the server without waiting for it."""
        for name in ("users", "objects"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        self.child.start()

    def wait(self) -> None:
        """Return when the bucket exists and a conditional PUT behaves; raises StackError when that takes too long."""
        wait_for_s3(self.child, self.access)

    def stop(self) -> None:
        """Stop the server cleanly."""
        self.child.stop(_STOP_SECONDS)

    def kill(self) -> None:
        """End the server at once, as a crash would."""
        self.child.kill()

    def pause(self) -> None:
        """Freeze the server: connections stay open and nothing answers."""
        self.child.pause()

    def resume(self) -> None:
        """Let a frozen server go on."""
        self.child.resume()
