"""Images without a registry or a daemon: one layer, as an OCI archive (github.com/opencontainers/image-spec)."""

from __future__ import annotations

import hashlib
import io
import json
import platform
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
_TYPE = "application/vnd.oci.image"


@dataclass(frozen=True, slots=True)
class Image:
    """What an image holds: executables by their place in it, links to them, and how it is run (by a numeric user)."""

    name: str  # e.g. headrace.test/pause:1
    programs: Mapping[str, Path]
    entrypoint: Sequence[str]
    user: str = "10001:10001"
    links: Mapping[str, str] = field(default_factory=dict)  # place: what it leads to
    folders: Sequence[str] = ()


def write_image(image: Image, archive: Path) -> str:
    """Write the archive; the same image gives the same bytes. Returns the digest of its manifest, `sha256:…`."""
    layer = _layer(image)
    config = _json(
        {
            "architecture": _ARCHITECTURES.get(platform.machine(), platform.machine()),
            "os": "linux",
            "config": {"Entrypoint": list(image.entrypoint), "User": image.user, "WorkingDir": "/"},
            "rootfs": {"type": "layers", "diff_ids": [_digest(layer)]},
        }
    )
    manifest = _json(
        {
            "schemaVersion": 2,
            "mediaType": f"{_TYPE}.manifest.v1+json",
            "config": _about(config, "config.v1+json"),
            "layers": [_about(layer, "layer.v1.tar")],
        }
    )
    named = {**_about(manifest, "manifest.v1+json"), "annotations": {"io.containerd.image.name": image.name}}
    blobs = {f"blobs/sha256/{_digest(blob)[7:]}": blob for blob in (layer, config, manifest)}
    index = _json({"schemaVersion": 2, "mediaType": f"{_TYPE}.index.v1+json", "manifests": [named]})
    with tarfile.open(archive, "w") as tar:
        for name, body in {"oci-layout": _json({"imageLayoutVersion": "1.0.0"}), "index.json": index, **blobs}.items():
            _add(tar, name, body, 0o644)
    return _digest(manifest)


def _layer(image: Image) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name in image.folders:
            entry = tarfile.TarInfo(name.strip("/"))
            entry.type, entry.mode = tarfile.DIRTYPE, 0o1777
            tar.addfile(entry)
        for name, program in image.programs.items():
            _add(tar, name.strip("/"), program.read_bytes(), 0o755)
        for name, target in image.links.items():
            entry = tarfile.TarInfo(name.strip("/"))
            entry.type, entry.linkname = tarfile.SYMTYPE, target
            tar.addfile(entry)
    return buffer.getvalue()


def _add(tar: tarfile.TarFile, name: str, body: bytes, mode: int) -> None:
    entry = tarfile.TarInfo(name)  # its time and owner are 0
    entry.size, entry.mode = len(body), mode
    tar.addfile(entry, io.BytesIO(body))


def _about(blob: bytes, kind: str) -> dict[str, object]:
    return {"mediaType": f"{_TYPE}.{kind}", "digest": _digest(blob), "size": len(blob)}


def _json(value: object) -> bytes:
    return json.dumps(value, sort_keys=True).encode()


def _digest(blob: bytes) -> str:
    return f"sha256:{hashlib.sha256(blob).hexdigest()}"
