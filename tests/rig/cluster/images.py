"""Images on the node: archives are imported, nothing is ever pulled."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

Run = Callable[..., str]  # runs a program in the cluster's namespaces and returns what it printed

_CTR = ("ctr", "--namespace=k8s.io", "images")


def load(archives: Sequence[Path], run: Run) -> dict[str, str]:
    """Import OCI or docker archives; returns every image on the node with the digest of its manifest.

    Each can be used by its name and by `name@digest`, as overlays for production do. Raises StackError.
    """
    for archive in archives:
        run(*_CTR, "import", str(archive))
    images = dict(_listed(run(*_CTR, "list")))
    for name, digest in images.items():
        by_digest = f"{name.rpartition(':')[0]}@{digest}"
        if "@" not in name and by_digest not in images:
            run(*_CTR, "tag", name, by_digest)
    return {name: digest for name, digest in images.items() if "@" not in name}


def _listed(table: str) -> list[tuple[str, str]]:
    rows = [line.split() for line in table.splitlines()[1:]]  # REF TYPE DIGEST …
    return [(row[0], row[2]) for row in rows if not row[0].startswith("sha256:")]
