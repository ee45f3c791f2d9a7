"""The stand-in for the public base image: a minimal Debian with its Python, under the public image's name."""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import ssl
import tarfile
from collections.abc import Callable
from pathlib import Path

from headrace.local.tools import run_to_end

from rig import debian

NAME = "docker.io/library/python:3.11-slim-bookworm"
_SUITE = "bookworm"
_MIRROR = "http://deb.debian.org/debian"  # packages are signed; apt checks them
_PACKAGES = "python3.11-venv,python3,ca-certificates,tzdata"
# Where builds find the certificates this machine trusts. It lies outside of what a production image takes of its base.
_CERTIFICATES = "usr/local/share/build-machine.crt"
ENVIRONMENT = dict.fromkeys(("PIP_CERT", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"), f"/{_CERTIFICATES}")


def base_ready(cache: Path, say: Callable[[str], None]) -> Path:
    """The root file system as a tar file, made once (a minute)."""
    certificates = Path(os.environ.get("SSL_CERT_FILE") or ssl.get_default_verify_paths().openssl_cafile).read_bytes()
    key = hashlib.sha256("\n".join([_SUITE, _PACKAGES]).encode() + certificates).hexdigest()[:12]
    made = cache / f"base-{key}.tar"
    if not made.exists():
        say("Making the stand-in for the public Python image, once")
        tools = debian.fetch(["mmdebstrap"], say)
        scratch = made.with_suffix(f".{os.getpid()}.tar")
        program = [
            shutil.which("perl") or "/usr/bin/perl",
            str(tools / "usr/bin/mmdebstrap"),
            "--mode=root",
            "--variant=minbase",
            "--quiet",
        ]
        command = [*program, f"--include={_PACKAGES}", _SUITE, str(scratch), _MIRROR]
        failed = "cannot make the stand-in base (it needs root, perl and the Debian mirror)"
        try:
            run_to_end("mmdebstrap", command, cache / "logs" / "base.log", failed, say)
            _add(scratch, _CERTIFICATES, certificates)
            scratch.rename(made)
        finally:
            scratch.unlink(missing_ok=True)
    return made


def _add(archive: Path, name: str, content: bytes) -> None:
    with tarfile.open(archive, "a") as tar:
        entry = tarfile.TarInfo(name)
        entry.size = len(content)
        entry.mode = 0o644
        tar.addfile(entry, io.BytesIO(content))
