"""Write the digests that an overlay runs: `python kustomize/promote.py OVERLAY [FOLDER]`; `--list OVERLAY` prints them.

Digests for `dev` come from a folder with a file for each image that was built, for `staging` from `dev`, for `prod`
from `staging`: what is promoted has run in the overlay before.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from headrace.contract.errors import PlanError
from headrace.manifests.promotion import images_of, promoted

_REGISTRY = "ghcr.io/headrace"
_BEFORE = {"staging": "dev", "prod": "staging"}
_OVERLAYS = Path(__file__).with_name("overlays")


def main() -> None:
    """Promote or list; ends with the reason when that cannot be."""
    parser = argparse.ArgumentParser(description="Write or list the digests that an overlay runs.")
    parser.add_argument("overlay", choices=["dev", *_BEFORE])
    parser.add_argument("folder", nargs="?", type=Path, help="a file for each image, its digest in it (dev only)")
    parser.add_argument("--list", action="store_true", help="print image@digest, one a line, and change nothing")
    asked = parser.parse_args()
    try:
        if asked.list:
            print("\n".join(f"{image}@{digest}" for image, digest in _images(asked.overlay).items()))
        else:
            _promote(asked.overlay, asked.folder)
    except PlanError as error:
        sys.exit(f"promote: {error}")


def _promote(overlay: str, folder: Path | None) -> None:
    if (folder is None) != (overlay in _BEFORE):
        raise PlanError("dev takes a folder with digests of what was built; staging and prod take what ran before them")
    digests = _built(folder) if folder else _images(_BEFORE[overlay])
    component = _component(overlay)
    before = component.read_text(encoding="utf-8")
    component.write_text(promoted(before, digests), encoding="utf-8")


def _built(folder: Path) -> dict[str, str]:
    if not folder.is_dir():
        raise PlanError(f"{folder} is no folder; name the one that holds a file for each image")
    return {f"{_REGISTRY}/{file.name}": file.read_text(encoding="utf-8").strip() for file in sorted(folder.iterdir())}


def _images(overlay: str) -> dict[str, str]:
    return images_of(_component(overlay).read_text(encoding="utf-8"))


def _component(overlay: str) -> Path:
    return _OVERLAYS / overlay / "images" / "kustomization.yaml"


if __name__ == "__main__":
    main()
