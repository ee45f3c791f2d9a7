"""Images: named by digest, so that what was tested is what runs."""

from __future__ import annotations

import re
from collections.abc import Iterator

from headrace.manifests.objects import Finding, Manifests, pods

_PINNED = re.compile(r"[^@\s]+@sha256:[0-9a-f]{64}")
_EMPTY = "@sha256:" + "0" * 64


def by_digest(manifests: Manifests) -> Iterator[Finding]:
    """An image has a digest of the right form and no moving tag."""
    for pod in pods(manifests):
        for container in pod.containers:
            image = container.get("image", "")
            if not _PINNED.fullmatch(image):
                digest = image.partition("@")[2]
                what = f"the digest {digest!r} is none (sha256: and 64 hex digits)" if digest else "it has no digest"
                yield Finding("digest", pod.where, f"image {image}: {what}", "kustomize edit set image NAME@sha256:…")
            elif ":latest@" in image:
                yield Finding("digest", pod.where, f"image {image}: a digest needs no `latest` beside it")


def filled_in(manifests: Manifests) -> Iterator[Finding]:
    """No image is still the empty place that an overlay comes with."""
    empty = sorted({c["image"] for pod in pods(manifests) for c in pod.containers if c["image"].endswith(_EMPTY)})
    for image in empty:
        name = image.removesuffix(_EMPTY)
        mend = f"kustomize edit set image {name}@sha256:… in the overlay's images/; `make images` prints the digests"
        yield Finding("empty-digest", name, "no image has been chosen yet: its digest is all zeros", mend)
