"""Images that a node has from its start: imported once, then linked into the fresh root of every containerd.

Layers are unpacked into folders that overlayfs only reads, so one cluster after the other can stand on the same.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from rig.cluster import images, node
from rig.cluster.api import wait_until
from rig.cluster.servers import Servers

_PREFIX = "node-images-"
_BLOBS = Path("io.containerd.content.v1.content/blobs/sha256")
_SNAPSHOTS = Path("io.containerd.snapshotter.v1.overlayfs/snapshots")
_DATABASES = (Path("io.containerd.metadata.v1.bolt/meta.db"), _SNAPSHOTS.parent / "metadata.db")
_SECONDS = 60.0


def store_for(folder: Path, archives: Sequence[Path]) -> Path:
    """Where the cluster in `folder` keeps these archives imported; they are told apart by place, size and time."""
    known = [f"{archive} {(about := archive.stat()).st_size} {about.st_mtime_ns}" for archive in archives]
    return folder / f"{_PREFIX}{hashlib.sha256(chr(10).join(known).encode()).hexdigest()[:12]}"


def fill(store: Path, archives: Sequence[Path], servers: Servers) -> None:
    """Import the archives into `store`, in the place of all other stores beside it. Raises StackError."""
    for other in store.parent.glob(f"{_PREFIX}*"):
        shutil.rmtree(other)
    scratch = store.with_suffix(".new")
    socket = "/run/import/containerd.sock"
    places = ["--root", str(scratch), "--state", "/run/import", "--address", socket]
    with servers.during([*node.containerd(store.parent), *places]):
        wait_until(Path(socket).exists, "containerd's socket", _SECONDS, lambda: None)
        images.load(archives, lambda name, *words: servers.run(name, f"--address={socket}", *words))
    scratch.rename(store)


def link(store: Path, root: Path) -> None:
    """Make `root` a containerd's root that has what is in `store`: its databases are copied, the rest is linked to."""
    for linked in (_BLOBS, _SNAPSHOTS):
        (root / linked).mkdir(parents=True)
        for entry in os.scandir(store / linked):
            (root / linked / entry.name).symlink_to(entry.path)
    for database in _DATABASES:
        (root / database).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(store / database, root / database)
