"""Image archives: what is written into them, and by which names a node knows them."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from pathlib import Path

import pytest
from rig.cluster import images
from rig.cluster.oci import Image, write_image


@pytest.fixture
def image(tmp_path: Path) -> Image:
    program = tmp_path / "program"
    program.write_bytes(b"\x7fELF")
    return Image("headrace.test/thing:1", {"/bin/thing": program}, ["/bin/thing"], links={"/bin/sh": "thing"})


def test_the_same_image_has_the_same_bytes(tmp_path: Path, image: Image) -> None:
    digests = {write_image(image, tmp_path / name) for name in ("one.tar", "two.tar")}
    assert len(digests) == 1
    assert (tmp_path / "one.tar").read_bytes() == (tmp_path / "two.tar").read_bytes()


def test_an_archive_leads_from_its_name_to_its_files(tmp_path: Path, image: Image) -> None:
    digest = write_image(image, tmp_path / "thing.tar")

    blobs = _members(tmp_path / "thing.tar")
    (named,) = json.loads(blobs["index.json"])["manifests"]
    assert (named["digest"], named["annotations"]) == (digest, {"io.containerd.image.name": "headrace.test/thing:1"})
    manifest = json.loads(_blob(blobs, digest))
    config = json.loads(_blob(blobs, manifest["config"]["digest"]))
    assert (config["config"]["Entrypoint"], config["config"]["User"]) == (["/bin/thing"], "10001:10001")
    with tarfile.open(fileobj=io.BytesIO(_blob(blobs, manifest["layers"][0]["digest"]))) as layer:
        assert {entry.name: (entry.mode, entry.linkname) for entry in layer} == {
            "bin/thing": (0o755, ""),
            "bin/sh": (0o644, "thing"),
        }


def test_every_loaded_image_is_known_by_its_digest_too() -> None:
    # Given a node that has two images after the import, one of which is known by its digest already
    table = """
REF TYPE DIGEST SIZE PLATFORMS LABELS
ghcr.io/headrace/lake:1 application/vnd.oci.image.manifest.v1+json sha256:aa 1.0 MiB linux/amd64 -
ghcr.io/headrace/lag:1 application/vnd.oci.image.manifest.v1+json sha256:bb 1.0 MiB linux/amd64 -
ghcr.io/headrace/lag@sha256:bb application/vnd.oci.image.manifest.v1+json sha256:bb 1.0 MiB linux/amd64 -
sha256:cc application/vnd.oci.image.manifest.v1+json sha256:cc 1.0 MiB linux/amd64 -
""".lstrip()
    done: list[tuple[str, ...]] = []

    def run(*command: str) -> str:
        done.append(command[2:])
        return table

    # When an archive is loaded
    loaded = images.load([Path("/images.tar")], run)

    # Then the other gets that name, and all are told with their digests
    assert done == [
        ("images", "import", "/images.tar"),
        ("images", "list"),
        ("images", "tag", "ghcr.io/headrace/lake:1", "ghcr.io/headrace/lake@sha256:aa"),
    ]
    assert loaded == {"ghcr.io/headrace/lake:1": "sha256:aa", "ghcr.io/headrace/lag:1": "sha256:bb"}


def _members(archive: Path) -> dict[str, bytes]:
    found = {}
    with tarfile.open(archive) as tar:
        for entry in tar:
            body = tar.extractfile(entry)
            assert body is not None
            found[entry.name] = body.read()
    return found


def _blob(blobs: dict[str, bytes], digest: str) -> bytes:
    body = blobs[f"blobs/sha256/{digest.removeprefix('sha256:')}"]
    assert f"sha256:{hashlib.sha256(body).hexdigest()}" == digest
    return body
