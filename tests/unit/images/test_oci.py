"""From a Docker's archive to an OCI archive."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from pathlib import Path

from rig.images.oci import to_oci


def save(path: Path, entries: dict[str, bytes], links: dict[str, str]) -> None:
    with tarfile.open(path, "w") as tar:
        for name, content in entries.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
        for name, target in links.items():
            entry = tarfile.TarInfo(name)
            entry.type, entry.linkname = tarfile.SYMTYPE, target
            tar.addfile(entry)


def test_two_images_that_share_a_layer(tmp_path: Path) -> None:
    # Given what `docker save` writes for two images with the same lowest layer, which the second one links
    config = json.dumps({"config": {}}).encode()
    told = [
        {"Config": "one.json", "RepoTags": ["example.org/one:dev"], "Layers": ["a/layer.tar", "b/layer.tar"]},
        {"Config": "two.json", "RepoTags": ["example.org/two:dev"], "Layers": ["c/layer.tar"]},
    ]
    entries = {"a/layer.tar": b"lowest", "b/layer.tar": b"above", "one.json": config, "two.json": config + b" "}
    save(
        tmp_path / "saved.tar",
        {**entries, "manifest.json": json.dumps(told).encode()},
        {"c/layer.tar": "../a/layer.tar"},
    )
    # When it becomes an OCI archive
    images = to_oci(tmp_path / "saved.tar", tmp_path / "images.tar")
    # Then every blob is there once, under the digest of its bytes
    with tarfile.open(tmp_path / "images.tar") as archive:
        blobs = {name.rpartition("/")[2]: archive.extractfile(name) for name in archive.getnames() if "blobs" in name}
        content = {name: file.read() for name, file in blobs.items() if file is not None}
        index = json.loads(archive.extractfile("index.json").read())  # type: ignore[union-attr]  # it is a file
        assert len(archive.getnames()) == len(set(archive.getnames())) == 2 + 2 + 2 + 2  # layers, configs, manifests
    assert all(hashlib.sha256(data).hexdigest() == name for name, data in content.items())
    # And the index names both images by the digests that are told
    assert [(each["annotations"]["io.containerd.image.name"], each["digest"]) for each in index["manifests"]] == [
        (image.reference, image.digest) for image in images
    ]
    manifest = json.loads(content[images[1].digest.partition(":")[2]])
    assert [layer["digest"] for layer in manifest["layers"]] == [f"sha256:{hashlib.sha256(b'lowest').hexdigest()}"]
    assert [image.size for image in images] == [len(b"lowest" + b"above"), len(b"lowest")]
