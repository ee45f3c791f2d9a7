"""Which images there are, how each is built, and the inputs that decide what is in it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from headrace.local.places import PROJECT_ROOT

REPOSITORY = "ghcr.io/headrace"
JOBS = "headrace-cli"
_INPUTS = (".dockerignore", "docker", "libs", "requirements", "services", "tests/rig/images")
_NO_INPUTS = ("__pycache__", ".egg-info", ".nbi", ".nbc")  # as in .dockerignore


@dataclass(frozen=True, slots=True)
class Recipe:
    """One image: its name, its Dockerfile, and what `docker build` is told."""

    name: str
    dockerfile: str
    arguments: Mapping[str, str] = field(default_factory=dict)
    target: str | None = None

    @property
    def reference(self) -> str:
        """The full name, with the tag that a development cluster uses."""
        return f"{REPOSITORY}/{self.name}:dev"


def service_names(root: Path = PROJECT_ROOT) -> list[str]:
    """The services, as Kubernetes names them: every folder under services/ has an image."""
    return sorted(path.parent.name.replace("_", "-") for path in root.glob("services/*/pyproject.toml"))


def recipes(labels: Mapping[str, str]) -> list[Recipe]:
    """Every image, those that share the most first; `labels` are the arguments that become labels."""
    made = [
        Recipe(name, "docker/Dockerfile", {"SERVICE": name, **labels}, "production")
        for name in [*service_names(), JOBS]
    ]
    s3 = Recipe("dev-s3", "docker/dev/s3/Dockerfile", {"PROGRAM": "prebuilt"})
    return [*made, Recipe("dev-kafka", "docker/dev/kafka/Dockerfile"), s3]


def dev_recipe(service: str) -> Recipe:
    """The image of a service that is started again when its sources change."""
    return Recipe(f"{service}-dev", "docker/Dockerfile", {"SERVICE": service}, "dev")


def key_of(folders: Sequence[str] = _INPUTS, root: Path = PROJECT_ROOT) -> str:
    """Names the content of everything that images are made from."""
    digest = hashlib.sha256()
    for path in sorted(_files(folders, root)):
        digest.update(f"{path.relative_to(root)}\0{path.stat().st_mode & 0o111}\0".encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:12]


def _files(folders: Sequence[str], root: Path) -> Iterator[Path]:
    for folder in folders:
        for path in [root / folder, *(root / folder).rglob("*")]:
            if path.is_file() and not any(part.endswith(_NO_INPUTS) for part in path.relative_to(root).parts):
                yield path
