"""The catalogue for people."""

from __future__ import annotations

from rig.images.catalog import Catalog

_MB = 1e6


def table(catalog: Catalog) -> str:
    """One line for each image: size, layers from the lowest, seconds of its build."""
    lines = [f"{'image':<22}{'MB':>7}  {'s':>6}  {'layers (MB)':<34}digest"]
    for image in catalog:
        layers = " + ".join(f"{size / _MB:.1f}" for size in image.layers)
        lines.append(
            f"{image.name:<22}{image.size / _MB:>7.0f}  {image.seconds:>6.1f}  {layers:<34}{image.digest[:19]}"
        )
    return "\n".join(lines)
