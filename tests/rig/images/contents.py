"""What an archive holds: manifests, configurations, and the files of every layer."""

from __future__ import annotations

import json
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

SBOM_LABEL = "dev.headrace.sbom"


def manifest(archive: Path, digest: str) -> dict[str, Any]:
    """The manifest of this digest."""
    return _json(archive, digest)


def configuration(archive: Path, digest: str) -> dict[str, Any]:
    """The configuration of the image whose manifest has this digest."""
    return _json(archive, manifest(archive, digest)["config"]["digest"])


def files(archive: Path, digest: str) -> Iterator[tuple[tarfile.TarFile, tarfile.TarInfo]]:
    """Every entry of every layer of an image, with the layer that it can be read from."""
    layers = manifest(archive, digest)["layers"]
    with tarfile.open(archive) as tar:
        for layer in layers:
            with tarfile.open(fileobj=tar.extractfile(_blob(layer["digest"]))) as inner:
                yield from ((inner, entry) for entry in inner)


def bill_of_materials(archive: Path, digest: str) -> bytes | None:
    """The document that an image carries where its label says; None for one without."""
    place = (configuration(archive, digest)["config"].get("Labels") or {}).get(SBOM_LABEL)
    found = (_read(tar, entry.name) for tar, entry in files(archive, digest) if f"/{entry.name}" == place)
    return next(found, None) if place else None


def _json(archive: Path, digest: str) -> dict[str, Any]:
    with tarfile.open(archive) as tar:
        told: dict[str, Any] = json.loads(_read(tar, _blob(digest)))
    return told


def _blob(digest: str) -> str:
    return f"blobs/sha256/{digest.partition(':')[2]}"


def _read(tar: tarfile.TarFile, name: str) -> bytes:
    content = tar.extractfile(name)
    assert content is not None, name
    return content.read()
