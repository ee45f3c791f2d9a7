"""Which images an overlay runs: a component with one digest for each image, as text that keeps its comments."""

from __future__ import annotations

import re
from collections.abc import Mapping

from headrace.contract.errors import PlanError

_ENTRY = re.compile(r"(?P<name>- name: (?P<image>\S+)\n\s+digest: )(?P<digest>\S+)")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_PLACE = f"sha256:{0:064}"  # an overlay that was never promoted to


def images_of(component: str) -> dict[str, str]:
    """The digest of each image of a component; raises PlanError for an image that has none yet."""
    found = {entry["image"]: entry["digest"] for entry in _ENTRY.finditer(component)}
    for image, digest in found.items():
        _expect_digest(image, digest)
    return found


def promoted(component: str, digests: Mapping[str, str]) -> str:
    """The component with these digests; images that it does not name stay out of it.

    Raises PlanError where an image of the component has no digest in `digests`, or one that is none.
    """

    def entry(match: re.Match[str]) -> str:
        image = match["image"]
        if image not in digests:
            raise PlanError(f"no digest for {image}: it was not built, or not promoted to the overlay before this one")
        _expect_digest(image, digests[image])
        return match["name"] + digests[image]

    return _ENTRY.sub(entry, component)


def _expect_digest(image: str, digest: str) -> None:
    if digest == _PLACE:
        raise PlanError(f"{image} has no digest yet, only the place for one: promote to the overlay first")
    if not _DIGEST.fullmatch(digest):
        raise PlanError(f"{image}: {digest!r} is no digest: expected sha256: and 64 hex digits")
