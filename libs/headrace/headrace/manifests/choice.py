"""Components that exclude each other, found in the kustomizations: Kustomize's own refusal names no choice."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from headrace.contract.errors import PlanError
from headrace.manifests.objects import Finding

CHOICES: Mapping[str, tuple[str, ...]] = {
    "autoscale": ("autoscale-native", "autoscale-keda", "autoscale-prometheus-adapter"),
    "store": ("s3", "gcs", "azure"),
    "kafka": ("kafka-plain", "kafka-sasl-tls", "kafka-mtls"),
    "monitoring": ("monitoring", "monitoring-annotations"),
}
"""Of each of these one at most."""


def twice_chosen(folder: Path) -> list[Finding]:
    """Two components of one choice in a kustomization at or below `folder`; raises PlanError where there is none."""
    return [finding for each, data in _kustomizations(folder.resolve(), set()) for finding in _clashes(each, data)]


def _clashes(folder: Path, data: Mapping[str, Any]) -> Iterator[Finding]:
    listed = [Path(component).name for component in data.get("components") or ()]
    for choice, members in CHOICES.items():
        chosen = [component for component in listed if component in members]
        if len(chosen) > 1:
            message = f"{' and '.join(chosen)} exclude each other: two {choice} components at once"
            yield Finding("choice", str(folder / "kustomization.yaml"), message, "keep one")


def _kustomizations(folder: Path, seen: set[Path]) -> Iterator[tuple[Path, Mapping[str, Any]]]:
    """This kustomization and those that it is made of."""
    if folder in seen:
        return
    seen.add(folder)
    data = _read(folder)
    yield folder, data
    for entry in [*(data.get("resources") or ()), *(data.get("components") or ())]:
        if (folder / entry).is_dir():
            yield from _kustomizations((folder / entry).resolve(), seen)


def _read(folder: Path) -> Mapping[str, Any]:
    file = folder / "kustomization.yaml"
    try:
        data = yaml.safe_load(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise PlanError(f"cannot read {file}: {error.strerror}; name the folder of a kustomization") from error
    except yaml.YAMLError as error:
        raise PlanError(f"{file} is no YAML: {str(error).splitlines()[0]}") from error
    if not isinstance(data, dict):
        raise PlanError(f"{file} is no kustomization: expected a mapping")
    return data
