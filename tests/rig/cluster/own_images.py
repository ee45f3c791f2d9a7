"""The images that the cluster itself needs: what holds a pod together, its DNS, and a shell for tests."""

from __future__ import annotations

from pathlib import Path

from rig.cluster.node import PAUSE_IMAGE
from rig.cluster.oci import Image, write_image
from rig.cluster.programs import NodePrograms

DNS_IMAGE = "headrace.test/coredns:1"  # in manifests/dns.yaml
SHELL_IMAGE = "headrace.test/busybox:1"


def write(programs: NodePrograms, folder: Path) -> list[Path]:
    """Write the archives into `folder`; returns them."""
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
        archive = folder / f"{image.name.split('/')[-1].replace(':', '-')}.tar"
        write_image(image, archive)
        archives.append(archive)
    return archives
