"""What was built: `images.json` beside the archive."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rig.images.oci import Image

NAME = "images.json"
_FIELDS = ("name", "reference", "digest", "config", "seconds")


@dataclass(frozen=True, slots=True)
class Built:
    """An image of the archive: names, digests of manifest and configuration, layer sizes, seconds of its build."""

    name: str
    reference: str  # the full name, with a tag
    digest: str
    config: str  # what a Docker calls the image's id
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
            "config": image.config,
            "size": image.size,
            "layers": [layer.size for layer in image.layers],
            "seconds": round(seconds[image.reference], 1),
            "archive": archive.name,
        }
        for image in sorted(images, key=lambda image: image.reference)
    ]
    (archive.parent / NAME).write_text(json.dumps(entries, indent=1))
    return read(archive.parent)


def read(folder: Path) -> Catalog:
    """The catalogue of a folder."""
    entries: list[dict[str, Any]] = json.loads((folder / NAME).read_text())
    return Catalog(
        folder / entries[0]["archive"],
        tuple(Built(**{name: told[name] for name in _FIELDS}, layers=tuple(told["layers"])) for told in entries),
    )


def _short(reference: str) -> str:
    return reference.rpartition("/")[2].partition(":")[0]
