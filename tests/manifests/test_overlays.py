"""Overlays and tenants as they are committed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from headrace.contract.load import load_pipeline
from headrace.local.places import PROJECT_ROOT
from headrace.manifests.check import findings
from headrace.manifests.objects import Manifest, name, of_kind, pods
from headrace.manifests.pinned import pinned
from headrace.manifests.rendered import rendered
from headrace.manifests.rules.images import filled_in
from rig.manifests.kubeconform import Kubeconform

from manifests.conftest import ADMIN, OVERLAYS

Build = Callable[[Path], list[Manifest]]

KUSTOMIZE = PROJECT_ROOT / "kustomize"
PIPELINES = {
    KUSTOMIZE / "pipelines/flights": PROJECT_ROOT / "examples/flights/headrace_flights/flights.yaml",
    KUSTOMIZE / "tenants/blue/orders/pipeline": KUSTOMIZE / "tenants/blue/orders.yaml",
    KUSTOMIZE / "tenants/green/meters/pipeline": KUSTOMIZE / "tenants/green/meters.yaml",
}


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_an_overlay_obeys_every_rule(overlay: str, kustomized: Build) -> None:
    assert list(map(str, findings(kustomized(KUSTOMIZE / overlay)))) == []


def test_overlays_and_what_an_administrator_applies_fit_the_schemas(
    kustomized: Build, kubeconform: Kubeconform, tmp_path: Path
) -> None:
    files = []
    for folder in (*(KUSTOMIZE / each for each in OVERLAYS), *(PROJECT_ROOT / each for each in ADMIN)):
        file = tmp_path / f"{folder.parent.name}-{folder.name}.yaml"
        file.write_text(yaml.safe_dump_all(kustomized(folder)))
        files.append(file)
    assert kubeconform.problems(files) == []


def test_a_key_that_no_kind_has_does_not_fit(prod: list[Manifest], kubeconform: Kubeconform, tmp_path: Path) -> None:
    # Given the overlay with a slip in a field that Kubernetes would ignore, one of KEDA's and a kind that nobody has
    slips: list[dict[str, Any]] = [
        {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "slip"}, "spec": {"portz": []}},
        {
            "apiVersion": "keda.sh/v1alpha1",
            "kind": "ScaledObject",
            "metadata": {"name": "slip"},
            "spec": {"trigers": []},
        },
        {"apiVersion": "example.com/v1", "kind": "Nothing", "metadata": {"name": "slip"}},
    ]
    file = tmp_path / "slips.yaml"
    file.write_text(yaml.safe_dump_all([*prod, *slips]))
    # Then each is told, and nothing else
    told = kubeconform.problems([file])
    assert [line.split(": ")[1] for line in sorted(told)] == ["Nothing slip", "ScaledObject slip", "Service slip"]


@pytest.mark.parametrize("folder", PIPELINES, ids=lambda folder: folder.parent.name + "/" + folder.name)
def test_what_is_committed_is_what_the_pipeline_file_renders_to(folder: Path) -> None:
    text = PIPELINES[folder].read_text()
    wanted = rendered(load_pipeline(text, PIPELINES[folder].name), text)
    committed = {str(file.relative_to(folder)): file.read_text() for file in folder.rglob("*.yaml")}
    assert committed == wanted, "run `headrace render` again"


@pytest.mark.parametrize("overlay", ["overlays/local", "overlays/dev", "overlays/staging", "overlays/prod"])
def test_every_image_of_an_overlay_is_a_place_to_be_filled_in(overlay: str, kustomized: Build) -> None:
    manifests = kustomized(KUSTOMIZE / overlay)
    images = {c["image"].partition("@")[0] for pod in pods(manifests) for c in pod.containers}
    assert {finding.where for finding in filled_in(manifests)} == images


def test_digests_that_were_built_fill_every_place_and_leave_the_overlay_alone(
    tmp_path: Path, kustomized: Build
) -> None:
    # Given the digests of a build, and a kustomization around the local overlay
    images = {
        c["image"].partition("@")[0] for p in pods(kustomized(KUSTOMIZE / "overlays/local")) for c in p.containers
    }
    digests = {image.rpartition("/")[2]: f"sha256:{number:064x}" for number, image in enumerate(sorted(images), 1)}
    overlay = (KUSTOMIZE / "overlays/local").relative_to(tmp_path.anchor)
    up = "../" * (len(tmp_path.parts) - 1)
    (tmp_path / "kustomization.yaml").write_text(pinned(f"{up}{overlay}", digests))
    # When it is built, then every image has its own digest
    found = {c["image"] for pod in pods(kustomized(tmp_path)) for c in pod.containers}
    assert found == {f"ghcr.io/headrace/{image}@{digest}" for image, digest in digests.items()}


def test_replicas_go_up_to_the_partitions_of_the_pipeline(kustomized: Build) -> None:
    for overlay, partitions in (("overlays/prod", 4), ("tenants/blue", 2)):
        most = {h["spec"]["maxReplicas"] for h in of_kind(kustomized(KUSTOMIZE / overlay), "HorizontalPodAutoscaler")}
        assert most == {partitions}


def test_the_control_plane_watches_the_pipeline_under_a_name_that_stays(prod: list[Manifest]) -> None:
    (watched,) = (each for each in of_kind(prod, "ConfigMap") if name(each) == "pipelines")
    assert list(watched["data"]) == ["default.flights.yaml"]
    assert "immutable" not in watched


def test_every_other_config_map_is_immutable_and_named_by_its_content(prod: list[Manifest]) -> None:
    for each in of_kind(prod, "ConfigMap"):
        if name(each) != "pipelines":
            assert each["immutable"] is True
            assert len(name(each).rpartition("-")[2]) == 10
