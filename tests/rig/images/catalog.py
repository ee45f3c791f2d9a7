"""What was built: `images.json` beside the archive."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rig.images.oci import Image

NAME = "images.json"


@dataclass(frozen=True, slots=True)
class Built:
    """An image of the archive: short name, full name with tag, manifest digest, layer sizes and build time."""

    name: str
    reference: str
    digest: str
    layers: tuple[int, ...]  # bytes, not compressed
    seconds: float

    @property
    def size(self) -> int:
        """Bytes of all layers, not compressed."""
        return sum(self.layers)


@dataclass(frozen=True, slots=True)
class Catalog:
    """The archive that holds every image (layers that they share once), and what is in it."""

    archive: Path
    images: tuple[Built, ...]

    def __iter__(self) -> Iterator[Built]:
        return iter(self.images)

    def __getitem__(self, name: str) -> Built:
        return next(image for image in self.images if image.name == name)


def write(archive: Path, images: list[Image], seconds: Mapping[str, float]) -> Catalog:
    """Write the catalogue into the archive's folder; `seconds` says by full name how long each build took."""
    entries = [
        {
            "name": _short(image.reference),
            "reference": image.reference,
            "digest": image.digest,
            "size": image.size,
            "layers": [layer.size for layer in image.layers],
            "seconds": round(seconds[image.reference], 1),
            "archive": archive.name,
        }
        for image in images
    ]
    (archive.parent / NAME).write_text(json.dumps(entries, indent=1))
    return read(archive.parent)


def read(folder: Path) -> Catalog:
    """The catalogue of a folder."""
    entries: list[dict[str, Any]] = json.loads((folder / NAME).read_text())
    return Catalog(
        folder / entries[0]["archive"],
        tuple(
            Built(told["name"], told["reference"], told["digest"], tuple(told["layers"]), told["seconds"])
            for told in entries
        ),
    )


def _short(reference: str) -> str:
    return reference.rpartition("/")[2].partition(":")[0]
