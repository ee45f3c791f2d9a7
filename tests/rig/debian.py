"""Programs from Debian packages, unpacked into the cache: nothing is installed on the machine."""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from headrace.contract.errors import StackError
from headrace.local.places import cache_folder, make_folder
from headrace.local.tools import run_to_end

_BIN = ("usr/sbin", "usr/bin", "sbin", "bin")


def fetch(names: Sequence[str], say: Callable[[str], None]) -> Path:
    """The folder with these packages, and what they need that this machine lacks, unpacked as under `/`; fetched once.

    The packages are those of the machine's own release, whose signatures apt checks. Raises StackError when they cannot
    be had.
    """
    apt, dpkg = shutil.which("apt-get"), shutil.which("dpkg")
    if apt is None or dpkg is None:
        raise StackError(f"this needs the Debian packages {', '.join(names)}, and apt-get or dpkg is not on the PATH")
    release = Path("/etc/os-release").read_text()
    key = hashlib.sha256("\n".join([release, platform.machine(), *sorted(names)]).encode()).hexdigest()[:12]
    cache = cache_folder()
    make_folder(cache)
    folder = cache / f"debian-{key}"
    if not folder.exists():
        say(f"Fetching Debian packages, once: {', '.join(names)}")
        scratch = folder.with_suffix(f".{os.getpid()}")
        try:
            _unpack(apt, dpkg, names, scratch, cache / "logs" / "debian.log", say)
            (scratch / "root").rename(folder)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
    return folder


def environment(folder: Path) -> dict[str, str]:
    """This process's environment with the folder's programs and libraries before the machine's own."""
    libraries = [*folder.glob("usr/lib/*-linux-gnu*"), *folder.glob("lib/*-linux-gnu*")]
    paths = {"PATH": [folder / name for name in _BIN], "LD_LIBRARY_PATH": libraries}
    return {**os.environ, **{name: _before(places, os.environ.get(name)) for name, places in paths.items()}}


def _before(places: Sequence[Path], rest: str | None) -> str:
    return ":".join([*map(str, places), *([rest] if rest else [])])


def _unpack(apt: str, dpkg: str, names: Sequence[str], scratch: Path, log: Path, say: Callable[[str], None]) -> None:
    lists, archives, root = scratch / "lists", scratch / "archives", scratch / "root"
    for folder in (lists / "partial", archives / "partial", root):
        folder.mkdir(parents=True)
    # Lists of its own (a machine's may be stale or missing) and no lock: the state of the machine's apt is left alone.
    places = [f"Dir::State::lists={lists}", f"Dir::Cache::archives={archives}", f"Dir::Cache={scratch}"]
    options = [word for o in [*places, "Debug::NoLocking=1", "APT::Sandbox::User=root"] for word in ("-o", o)]
    failed = f"cannot fetch the Debian packages {', '.join(names)} (check the network and start again)"
    install = ["install", "--download-only", "--reinstall", "--no-install-recommends", "-y"]
    run_to_end("debian", [apt, *options, "update"], log, failed, say)
    run_to_end("debian", [apt, *options, *install, *names], log, failed, say)
    for package in sorted(archives.glob("*.deb")):
        run_to_end("debian", [dpkg, "-x", str(package), str(root)], log, f"cannot unpack {package.name}", say)
