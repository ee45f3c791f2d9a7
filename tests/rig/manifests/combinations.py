"""Which components go together (kustomize/tests/combinations.yaml), as kustomizations in a folder."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, combinations, cycle, product
from pathlib import Path
from typing import Any

import yaml
from headrace.local.places import PROJECT_ROOT

KUSTOMIZE = PROJECT_ROOT / "kustomize"

_SAID: dict[str, Any] = yaml.safe_load((KUSTOMIZE / "tests" / "combinations.yaml").read_text())
ORDER: list[str] = _SAID["order"]
OPTIONS: list[tuple[str, ...]] = [(each,) if isinstance(each, str) else tuple(each) for each in _SAID["options"]]
CHOICES: dict[str, list[str]] = {name: each["of"] for name, each in _SAID["choices"].items()}
_NEEDED = {name for name, each in _SAID["choices"].items() if each.get("needed")}


@dataclass(frozen=True, slots=True)
class Combination:
    """Some components, and what `headrace render` has made of a pipeline, where one follows them."""

    components: tuple[str, ...]
    pipeline: Path | None = KUSTOMIZE / "pipelines/flights"
    tenant: bool = True

    @property
    def name(self) -> str:
        """A name for a folder and for messages."""
        return "+".join(self.components) or "none"

    def write(self, folder: Path) -> Path:
        """Write it as an overlay of one tenant with one pipeline; returns the overlay's folder."""
        inner = folder / "flights"
        inner.mkdir(parents=True)
        listed = [KUSTOMIZE / "components" / each for each in sorted(self.components, key=ORDER.index)]
        last = [self.pipeline] if self.pipeline is not None else []
        _write(inner, [KUSTOMIZE / "base", PROJECT_ROOT / "k8s/topics"], [*listed, *last], [_CONNECTIONS])
        around = [KUSTOMIZE / "components/tenant"] if self.tenant else []
        _write(folder, [inner], [*around, KUSTOMIZE / "overlays/prod/images"], [_TENANT])
        return folder


def legal() -> list[Combination]:
    """Every way to choose, each with a set of options in turn; and every set of options, each with a way to choose."""
    ways = list(product(*([*(() if n in _NEEDED else (None,)), *of] for n, of in CHOICES.items())))
    chosen = chain.from_iterable(combinations(OPTIONS, size) for size in range(len(OPTIONS) + 1))
    sets = [tuple(chain.from_iterable(each)) for each in chosen]
    both = [*zip(ways, cycle(sets), strict=False), *zip(cycle(ways), sets, strict=False)]
    made = (tuple(each for each in (*way, *options) if each) for way, options in both)
    return [Combination(components) for components in dict.fromkeys(made)]


def clashes() -> Iterator[tuple[str, Combination]]:
    """Every two components of one choice, with what else a combination needs."""
    for name, of in CHOICES.items():
        others = [each[0] for other, each in CHOICES.items() if other != name and other in _NEEDED]
        for pair in combinations(of, 2):
            yield name, Combination((*others, *pair))


_CONNECTIONS = {"name": "connections", "literals": ["HEADRACE_KAFKA=kafka.example.com:9093"]}
_TENANT = {
    "name": "tenant",
    "literals": ["name=default"],
    "options": {"annotations": {"config.kubernetes.io/local-config": "true"}},
}


def _write(folder: Path, resources: Sequence[Path], components: Sequence[Path], maps: Sequence[Any]) -> None:
    kustomization = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": [os.path.relpath(each, folder) for each in resources],
        "components": [os.path.relpath(each, folder) for each in components],
        "configMapGenerator": list(maps),
    }
    (folder / "kustomization.yaml").write_text(yaml.safe_dump(kustomization))
