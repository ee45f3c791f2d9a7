"""From `docker save` to an OCI archive: layers as they are, manifests whose digests every importer agrees on."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_CONFIG = "application/vnd.oci.image.config.v1+json"
_LAYER = "application/vnd.oci.image.layer.v1.tar"  # not compressed: an importer on this machine would only unpack it


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer: `digest` as `sha256:<hex>`, `size` in bytes, not compressed."""

    digest: str
    size: int


@dataclass(frozen=True, slots=True)
class Image:
    """An image: its full name, the digests of its manifest and of its configuration, its layers from the lowest."""

    reference: str
    digest: str
    config: str  # what a Docker calls the image's id
    layers: tuple[Layer, ...]

    @property
    def size(self) -> int:
        """Bytes of all layers."""
        return sum(layer.size for layer in self.layers)


def to_oci(saved: Path, archive: Path) -> list[Image]:
    """Write the OCI archive of the images in a `docker save` file; returns them in its order."""
    with tarfile.open(saved) as source, tarfile.open(archive, "w") as target:
        written: dict[str, Layer] = {}  # by name in the source; images share layers

        def layer(name: str) -> Layer:
            member = source.getmember(name)
            while member.issym() or member.islnk():  # docker links a layer that another image has brought
                base = Path(name).parent if member.issym() else Path()
                name = _normal(base / member.linkname)
                member = source.getmember(name)
            if name not in written:
                written[name] = _copy(source, member, target, {each.digest for each in written.values()})
            return written[name]

        images, entries = [], []
        for told in json.loads(_read(source, "manifest.json")):
            config = _read(source, told["Config"])
            layers = tuple(layer(name) for name in told["Layers"])
            manifest = _manifest(config, layers)
            images.append(_image(told["RepoTags"][0], manifest, layers, config))
            entries.append(_entry(images[-1], manifest))
            for content in (config, manifest):
                _add(target, f"blobs/sha256/{hashlib.sha256(content).hexdigest()}", content)
        _add(target, "oci-layout", json.dumps({"imageLayoutVersion": "1.0.0"}).encode())
        _add(target, "index.json", json.dumps({"schemaVersion": 2, "manifests": entries}).encode())
    return images


def _image(reference: str, manifest: bytes, layers: tuple[Layer, ...], config: bytes) -> Image:
    return Image(reference, _digest(manifest), _digest(config), layers)


def _manifest(config: bytes, layers: Sequence[Layer]) -> bytes:
    described = {"mediaType": _CONFIG, "digest": _digest(config), "size": len(config)}
    below = [{"mediaType": _LAYER, "digest": each.digest, "size": each.size} for each in layers]
    document = {"schemaVersion": 2, "mediaType": _MANIFEST, "config": described, "layers": below}
    return json.dumps(document).encode()


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def _entry(image: Image, manifest: bytes) -> dict[str, Any]:
    names = {
        "io.containerd.image.name": image.reference,
        "org.opencontainers.image.ref.name": image.reference.rpartition(":")[2],
    }
    return {"mediaType": _MANIFEST, "digest": image.digest, "size": len(manifest), "annotations": names}


def _copy(source: tarfile.TarFile, member: tarfile.TarInfo, target: tarfile.TarFile, there: set[str]) -> Layer:
    content = source.extractfile(member)
    assert content is not None, member.name
    digest = hashlib.file_digest(content, "sha256").hexdigest()  # type: ignore[arg-type]  # it reads like a file
    if f"sha256:{digest}" not in there:
        content.seek(0)
        entry = tarfile.TarInfo(f"blobs/sha256/{digest}")
        entry.size = member.size
        target.addfile(entry, content)
    return Layer(f"sha256:{digest}", member.size)


def _read(source: tarfile.TarFile, name: str) -> bytes:
    content = source.extractfile(name)
    assert content is not None, name
    return content.read()


def _add(target: tarfile.TarFile, name: str, content: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = len(content)
    target.addfile(entry, io.BytesIO(content))


def _normal(path: Path) -> str:
    parts: list[str] = []
    for part in path.parts:
        parts = parts[:-1] if part == ".." else [*parts, part]
    return "/".join(parts)
