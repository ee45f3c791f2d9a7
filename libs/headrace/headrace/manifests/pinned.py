"""An overlay with the digests of images that were built or released: a kustomization around it, itself unchanged."""

from __future__ import annotations

import re
from collections.abc import Mapping

from headrace.contract.errors import PlanError
from headrace.contract.yaml_lines import write_yaml

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_REGISTRY = "ghcr.io/headrace"


def pinned(overlay: str, digests: Mapping[str, str], registry: str = _REGISTRY) -> str:
    """Return the text of a kustomization.yaml; `overlay` is that folder, relative to the new file's.

    `digests` gives the digest of each image by its name (`ingestion`), `registry` where they lie. Raises PlanError
    for what is no digest.
    """
    for image, digest in digests.items():
        if not _DIGEST.fullmatch(digest):
            raise PlanError(f"image {image}: {digest!r} is no digest: expected sha256: and 64 hex digits")
    images = [
        {"name": f"{_REGISTRY}/{image}", "newName": f"{registry}/{image}", "digest": digest}
        for image, digest in sorted(digests.items())
    ]
    kustomization = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": [overlay],
        "images": images,
    }
    return write_yaml(kustomization)
