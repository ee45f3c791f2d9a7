"""The images that the cluster itself needs: what holds a pod together, its DNS, and a shell for tests."""

from __future__ import annotations

import hashlib
from pathlib import Path

from rig.cluster.node import PAUSE_IMAGE
from rig.cluster.oci import Image, write_image
from rig.cluster.programs import NodePrograms

DNS_IMAGE = "headrace.test/coredns:1"  # in manifests/dns.yaml
SHELL_IMAGE = "headrace.test/busybox:1"


def ready(programs: NodePrograms, folder: Path) -> list[Path]:
    """The archives, in `folder`, written first where they are not there yet."""
    archives = []
    for image in (
        Image(PAUSE_IMAGE, {"/pause": programs.pause}, ["/pause"]),
        Image(DNS_IMAGE, {"/coredns": programs.coredns}, ["/coredns"]),
        Image(
            SHELL_IMAGE,
            {"/bin/busybox": programs.debian / "bin" / "busybox"},
            ["/bin/sh"],
            links={"/bin/sh": "busybox"},
            folders=["/tmp"],
        ),
    ):
        key = hashlib.sha256(repr(image).encode()).hexdigest()[:12]  # the programs' places say what is in them
        archive = folder / f"{image.name.split('/')[-1].replace(':', '-')}-{key}.tar"
        if not archive.exists():
            write_image(image, archive.with_suffix(".new"))
            archive.with_suffix(".new").rename(archive)
        archives.append(archive)
    return archives
