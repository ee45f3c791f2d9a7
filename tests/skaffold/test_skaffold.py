"""skaffold.yaml: it is read in every profile, and what it deploys is what Kustomize renders."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml
from headrace.local.places import PROJECT_ROOT, cache_folder
from headrace.manifests.kustomize import build, kustomize_ready
from rig.images.recipes import JOBS, service_names
from rig.skaffold import Skaffold, skaffold_ready

pytestmark = pytest.mark.timeout(900)  # the first of them may build Skaffold
OVERLAYS = {"": "local", "dev": "dev", "gpu": "gpu", "tenant": "tenant", "ci": "local"}
"""The overlay of each profile, and of none."""
Object = Mapping[str, Any]
Name = tuple[str, str, str]


@pytest.fixture(scope="session")
def kustomize() -> Path:
    return kustomize_ready(cache_folder(), print)


@pytest.fixture(scope="session")
def skaffold(kustomize: Path, tmp_path_factory: pytest.TempPathFactory) -> Skaffold:
    return Skaffold(skaffold_ready(print), kustomize, tmp_path_factory.mktemp("skaffold"))


def read(text: str) -> list[Object]:
    return [manifest for manifest in yaml.safe_load_all(text) if manifest]


def objects(found: Sequence[Object]) -> dict[Name, Object]:
    """Manifests by kind, namespace and name; each is there once."""
    named = {(m["kind"], m["metadata"].get("namespace", ""), m["metadata"]["name"]): m for m in found}
    assert len(named) == len(found)
    return named


@pytest.mark.parametrize("profile", OVERLAYS)
def test_a_profile_is_read(skaffold: Skaffold, profile: str) -> None:
    modules = {config["metadata"]["name"]: config for config in read(skaffold.diagnose(*chosen(profile)))}
    assert modules.keys() == {"stack", *data_plane()}
    targets = {modules[name]["build"]["artifacts"][0]["docker"]["target"] for name in data_plane()}
    assert targets == {"dev" if profile == "dev" else "production"}


@pytest.mark.parametrize(("profile", "overlay"), OVERLAYS.items())
def test_what_a_profile_deploys_is_what_kustomize_renders(
    skaffold: Skaffold, kustomize: Path, profile: str, overlay: str
) -> None:
    rendered = build(kustomize, PROJECT_ROOT / "kustomize" / "skaffold" / overlay)
    assert objects(read(skaffold.render(*chosen(profile)))) == objects(rendered)


def test_a_module_is_one_service_and_the_stack_it_needs(skaffold: Skaffold) -> None:
    # When one module is asked for
    found = objects(read(skaffold.render("-m", "inference")))
    # Then of the services only that one is there, with Kafka and the S3 server
    running = {name for kind, _, name in found if kind in ("Deployment", "StatefulSet")}
    assert running == {"flights-inference", "kafka", "s3", "lag"}


def test_every_image_that_runs_is_built(skaffold: Skaffold) -> None:
    artifacts = {
        artifact["image"]
        for config in yaml.safe_load_all((PROJECT_ROOT / "skaffold.yaml").read_text())
        for artifact in config["build"]["artifacts"]
    }
    assert {line.split()[-1] for line in skaffold.render().splitlines() if " image: " in line} == artifacts


def test_every_source_of_a_service_is_copied() -> None:
    # Each service's module copies the library's and the service's own files to where the image has them
    for config in yaml.safe_load_all((PROJECT_ROOT / "skaffold.yaml").read_text()):
        name = config["metadata"]["name"]
        rules = config["build"]["artifacts"][0].get("sync", {}).get("manual", [])
        sources = {rule["src"].removesuffix("/**/*.py") for rule in rules}
        folder = name.replace("-", "_")
        expected = {"libs/headrace/headrace", f"services/{folder}/headrace_{folder}"} if name != "stack" else set()
        assert sources == expected
        assert all((PROJECT_ROOT / source).is_dir() for source in sources)


def test_an_image_is_built_again_for_its_own_sources_alone() -> None:
    # Skaffold watches what a Dockerfile copies: of the services, each image copies its own
    for config in yaml.safe_load_all((PROJECT_ROOT / "skaffold.yaml").read_text()):
        for artifact in config["build"]["artifacts"]:
            if artifact["docker"]["dockerfile"] == "docker/Dockerfile":
                told = artifact["docker"]["buildArgs"]
                own = "libs/headrace" if told["SERVICE"] == JOBS else f"services/{told['SERVICE'].replace('-', '_')}"
                assert told["FOLDER"] == own
                assert (PROJECT_ROOT / own).is_dir()


def chosen(profile: str) -> list[str]:
    return ["-p", profile] if profile else []


def data_plane() -> list[str]:
    """The services that have a module of their own; the lag service belongs to the stack."""
    return [name for name in service_names() if name != "lag"]
