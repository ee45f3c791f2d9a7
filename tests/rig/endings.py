"""Services that end by themselves, for want of something: with which status, and with which last words."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping

SECRET = "a-secret-that-nobody-may-read"
"""A value for settings that are secret: what a service says must not have it in it."""


def ends(settings: Mapping[str, str], *names: str) -> dict[str, tuple[int, str]]:
    """These services with these settings, at the same time: the status each ends with by itself, and its last line."""
    environment = {**os.environ, **settings}
    running = {
        name: subprocess.Popen(
            [sys.executable, "-m", f"headrace_{name}"],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for name in names
    }
    ended = {}
    try:
        for name, service in running.items():
            said, _ = service.communicate(timeout=120)  # seconds
            assert "Traceback" not in said
            assert SECRET not in said
            ended[name] = (service.returncode, said.splitlines()[-1])
    finally:
        for service in running.values():
            with service:
                service.kill()
    return ended
