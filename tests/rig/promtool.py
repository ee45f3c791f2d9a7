"""What Prometheus' own tool has to say of metrics; the program comes from a Debian package."""

from __future__ import annotations

import subprocess
import urllib.request
from collections.abc import Callable

from rig import debian


def complaints(url: str, say: Callable[[str], None]) -> str:
    """What `promtool check metrics` has against the metrics at an address; empty when nothing."""
    with urllib.request.urlopen(url, timeout=10) as answer:
        told: bytes = answer.read()
    assert told.strip(), f"{url} tells nothing"
    done = subprocess.run(
        ["promtool", "check", "metrics"],
        input=told,
        env=debian.environment(debian.fetch(["prometheus"], say)),
        capture_output=True,
        timeout=60,
        check=False,
    )
    said = (done.stdout + done.stderr).decode()
    assert done.returncode == 0 or said, f"promtool ended with {done.returncode}"
    return said
