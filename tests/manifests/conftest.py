"""What the tests look at: overlays and combinations, built once, with tools that are built once into the cache."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from headrace.local.places import PROJECT_ROOT, cache_folder
from headrace.manifests.kustomize import build, kustomize_ready
from headrace.manifests.objects import Manifest
from rig.manifests.builder import Rendered, build_all, builder_ready
from rig.manifests.combinations import Combination, legal
from rig.manifests.kubeconform import Kubeconform

OVERLAYS = [*(f"overlays/{each}" for each in ("local", "dev", "staging", "prod")), "tenants/blue", "tenants/green"]
ADMIN = ["k8s", "k8s/external-metrics", "k8s/gateway"]

Build = Callable[[Path], list[Manifest]]


@pytest.fixture(scope="session")
def kustomized() -> Build:
    """Build a folder; what was built before is remembered."""
    program = kustomize_ready(cache_folder(), print)
    known: dict[Path, list[Manifest]] = {}

    def once(folder: Path) -> list[Manifest]:
        if folder not in known:
            known[folder] = build(program, folder)
        return known[folder]

    return once


@pytest.fixture(scope="session")
def prod(kustomized: Build) -> list[Manifest]:
    return kustomized(PROJECT_ROOT / "kustomize/overlays/prod")


@pytest.fixture(scope="session")
def kubeconform() -> Kubeconform:
    return Kubeconform(cache_folder(), print)


@pytest.fixture(scope="session")
def build_combinations(tmp_path_factory: pytest.TempPathFactory) -> Callable[[list[Combination]], dict[str, Rendered]]:
    """Write combinations as overlays and build them all."""
    builder = builder_ready(cache_folder(), print)

    def built(wanted: list[Combination]) -> dict[str, Rendered]:
        folder = tmp_path_factory.mktemp("combinations")
        folders = {each.name: each.write(folder / str(number)) for number, each in enumerate(wanted)}
        return build_all(builder, folders, folder / "out")

    return built


@pytest.fixture(scope="session")
def combinations(build_combinations: Callable[[list[Combination]], dict[str, Rendered]]) -> dict[str, Rendered]:
    """Every legal combination, built."""
    return build_combinations(legal())
