"""Keep of the manifests on standard input those of one Skaffold module: `only.py SERVICE`, or `only.py stack`.

A service's module holds what carries its name; the module `stack` holds the rest. Together they are the whole overlay.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

import yaml

STACK = "stack"
SERVICES = ("ingestion", "cleaning", "feature-engineering", "inference", "lake")


def module_of(manifest: Mapping[str, Any]) -> str:
    """The module that a manifest belongs to."""
    name = (manifest["metadata"].get("labels") or {}).get("app.kubernetes.io/name", STACK)
    return str(name) if name in SERVICES else STACK


def main(module: str) -> None:
    """Filter."""
    manifests = [manifest for manifest in yaml.safe_load_all(sys.stdin) if manifest]
    kept = [manifest for manifest in manifests if module_of(manifest) == module]
    if not kept:
        sys.exit(f"only.py: no manifest belongs to the module {module}")
    yaml.safe_dump_all(kept, sys.stdout, sort_keys=False)


if __name__ == "__main__":
    main(sys.argv[1])
