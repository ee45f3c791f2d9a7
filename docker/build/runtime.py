"""Gather a root that holds the interpreter, its library and the system's libraries it needs: `runtime.py FOLDER`.

Made from whatever base it runs in: a Debian's own Python and the one under /usr/local of the public image alike. Each
Debian package that a file came from is named in /var/lib/dpkg/status.d, where scanners look for it.
"""

from __future__ import annotations

import compileall
import py_compile
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterable
from pathlib import Path

NOT_AT_RUN_TIME = (
    "__pycache__",
    "test",
    "tests",
    "idlelib",
    "tkinter",
    "turtledemo",
    "ensurepip",
    "lib2to3",
    "pydoc_data",
)
NOT_OURS = ("site-packages", "dist-packages", "config-*")  # pip of the base, and what only a compiler reads
CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"
# What compiled packages may take from the system, as manylinux allows (PEP 600).
FOR_WHEELS = (
    "libdl.so.2",
    "libgcc_s.so.1",
    "libm.so.6",
    "libpthread.so.0",
    "libresolv.so.2",
    "librt.so.1",
    "libstdc++.so.6",
    "libutil.so.1",
    "libz.so.1",
)
DATA = (
    CERTIFICATES,
    "/usr/share/zoneinfo",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/etc/os-release",
    "/usr/lib/os-release",
)
OWNED = ("/usr/sbin/update-ca-certificates", "/usr/share/zoneinfo/UTC", "/usr/lib/os-release")  # whose packages DATA is
USER = 10001


def main(root: Path) -> None:
    """Fill the root."""
    for folder in ("bin", "lib", "lib64", "sbin"):
        (root / "usr" / folder).mkdir(parents=True)
        (root / folder).symlink_to(f"usr/{folder}")
    packages = {name for path in gather(root) if (name := package_of(path)) is not None}
    name_packages(root, packages)
    name_users(root)
    (root / "tmp").mkdir()
    (root / "tmp").chmod(0o1777)
    subprocess.run(["ldconfig", "-r", root], check=True)


def gather(root: Path) -> list[Path]:
    """Copy everything; returns the paths, as they are in the base."""
    program, library = Path(sys.executable), Path(sysconfig.get_paths()["stdlib"])
    shutil.copytree(
        library, root / library.relative_to("/"), ignore=shutil.ignore_patterns(*NOT_AT_RUN_TIME, *NOT_OURS)
    )
    compiled = py_compile.PycInvalidationMode.UNCHECKED_HASH
    compileall.compile_dir(
        root / library.relative_to("/"), stripdir=str(root), quiet=1, workers=0, invalidation_mode=compiled
    )
    links = [program, *_links(program)]
    wanted = libraries([links[-1], *(library / "lib-dynload").glob("*.so")])
    for path in [*links, *wanted]:
        copy(path, root)
    for path in map(Path, DATA):
        if path.is_dir():
            shutil.copytree(path, root / path.relative_to("/"), symlinks=False)
        elif path.exists():
            copy(path, root)
    return [links[-1], library / "os.py", *wanted, *map(Path, OWNED)]


def libraries(programs: Iterable[Path]) -> list[Path]:
    """The shared libraries that these load, and those for wheels, by the name they are asked for."""
    said = subprocess.run(["ldd", *programs], capture_output=True, text=True, check=True).stdout
    lines = [line for line in said.splitlines() if line.startswith("\t")]  # the others name the program that follows
    found = {Path(word) for line in lines for word in line.split() if word.startswith("/")}
    cache = subprocess.run(["ldconfig", "-p"], capture_output=True, text=True, check=True).stdout
    known = {line.split()[0]: Path(line.split()[-1]) for line in reversed(cache.splitlines()) if "=>" in line}
    return sorted(found | {known[name] for name in FOR_WHEELS})


def copy(path: Path, root: Path) -> None:
    """Copy one file to where it is; a link within its folder stays a link."""
    at = root / path.parent.resolve().relative_to("/") / path.name
    at.parent.mkdir(parents=True, exist_ok=True)
    if path.is_symlink() and len(path.readlink().parts) == 1:
        if not at.is_symlink():
            at.symlink_to(path.readlink())
        copy(path.parent / path.readlink(), root)
    elif not at.exists():
        shutil.copy2(path, at)


def _links(path: Path) -> list[Path]:
    """What a link leads to, step by step."""
    if not path.is_symlink():
        return []
    following = path.parent / path.readlink()
    return [following, *_links(following)]


def package_of(path: Path) -> str | None:
    """The Debian package of a file; None for one that no package brought."""
    for name in {
        path,
        path.resolve(),
        Path("/usr") / path.relative_to("/"),
        Path(str(path.resolve()).removeprefix("/usr")),
    }:
        asked = subprocess.run(["dpkg-query", "-S", name], capture_output=True, text=True, check=False)
        if asked.returncode == 0:
            return asked.stdout.partition(":")[0]
    return None


def name_packages(root: Path, packages: Iterable[str]) -> None:
    """Write each package's status, and keep its licence."""
    folder = root / "var/lib/dpkg/status.d"
    folder.mkdir(parents=True)
    for package in sorted(packages):
        status = subprocess.run(["dpkg-query", "-s", package], capture_output=True, text=True, check=True).stdout
        (folder / package).write_text(status)
        licence = Path("/usr/share/doc") / package / "copyright"
        if licence.exists():
            kept = root / licence.relative_to("/")
            kept.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(licence, kept)


def name_users(root: Path) -> None:
    """Name root and the one user of the suite."""
    (root / "etc").mkdir(exist_ok=True)
    (root / "etc/passwd").write_text(
        f"root:x:0:0:root:/root:/usr/sbin/nologin\nheadrace:x:{USER}:{USER}::/app:/usr/sbin/nologin\n"
    )
    (root / "etc/group").write_text(f"root:x:0:\nheadrace:x:{USER}:\n")
    (root / "etc/nsswitch.conf").write_text("passwd: files\ngroup: files\nhosts: files dns\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
