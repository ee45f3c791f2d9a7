"""What somebody gets wrong in an overlay, and the one message that says how to mend it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from headrace.cli.app import app
from headrace.contract.errors import PlanError
from headrace.local.places import PROJECT_ROOT
from headrace.manifests.pinned import pinned
from rig.manifests.combinations import Combination
from typer.testing import CliRunner

pytestmark = pytest.mark.usefixtures("kustomized")  # built by now, so that nothing tells of building it

RUNNER = CliRunner()
RIGHT = ("kafka-plain", "s3")


def _told(folder: Path, *options: str) -> list[str]:
    done = RUNNER.invoke(app, ["manifests", str(folder), *options])
    assert done.exit_code == 1
    *told, last = done.stderr.splitlines()
    assert last.startswith("headrace: ")
    return told


def test_a_right_overlay_is_said_to_be_right(tmp_path: Path) -> None:
    folder = Combination(RIGHT).write(tmp_path / "overlay")
    done = RUNNER.invoke(app, ["manifests", str(folder), "--any-image"])
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout.startswith(f"{folder}: right. ")


def test_an_overlay_without_a_pipeline(tmp_path: Path) -> None:
    assert _told(Combination(RIGHT, pipeline=None).write(tmp_path / "overlay"), "--any-image") == [
        "pipeline: Deployment cleaning (and 5 more): takes the ConfigMap 'cleaning-pipeline', which nothing makes: the"
        " overlay has no pipeline (`headrace render FILE --out DIR`, and list DIR last among its components)"
    ]


def test_two_autoscalers_at_once(tmp_path: Path) -> None:
    folder = Combination((*RIGHT, "autoscale-native", "autoscale-keda")).write(tmp_path / "overlay")
    assert _told(folder) == [
        f"choice: {folder}/flights/kustomization.yaml: autoscale-native and autoscale-keda exclude each other:"
        " two autoscale components at once (keep one)"
    ]


def test_no_way_to_kafka(tmp_path: Path) -> None:
    told = _told(Combination(("s3",)).write(tmp_path / "overlay"), "--any-image")
    assert all("(list one of kafka-plain, kafka-sasl-tls, kafka-mtls among the components)" in line for line in told)


def test_a_tenant_without_quota(tmp_path: Path) -> None:
    told = _told(Combination(RIGHT, tenant=False).write(tmp_path / "overlay"), "--any-image")
    assert told == [
        "bounds: Namespace headrace-default: gets pods and is not made here (list components/tenant, and say its name:"
        " configMapGenerator `tenant`, literal name=<tenant>)"
    ]


def test_a_wrong_digest(tmp_path: Path) -> None:
    overlay = Combination(RIGHT).write(tmp_path / "overlay")
    _add(overlay, {"images": [{"name": "ghcr.io/headrace/lake", "digest": "sha256:12ab"}]})
    (told,) = _told(overlay, "--any-image")
    assert "Deployment headrace-default/flights-lake: image ghcr.io/headrace/lake@sha256:12ab: the digest" in told
    assert "is none (sha256: and 64 hex digits) (kustomize edit set image NAME@sha256:…)" in told


def test_a_secret_that_nothing_makes(tmp_path: Path) -> None:
    # Given an overlay that names the credentials wrongly, in one service of six
    overlay = Combination(RIGHT).write(tmp_path / "overlay")
    path = "/spec/template/spec/containers/0/envFrom/3/secretRef/name"
    _add(overlay, _patch({"kind": "Deployment", "name": "flights-lake"}, path, "headrace-credential"))
    assert _told(overlay, "--any-image") == [
        "configuration: Deployment headrace-default/flights-lake: takes the Secret 'headrace-credential', which nothing"
        " makes (a cluster's own are dev-s3, headrace-credentials, kafka-client, lag-tls)"
    ]


def test_a_quota_that_is_too_small_for_the_partitions(tmp_path: Path) -> None:
    overlay = Combination((*RIGHT, "autoscale-native")).write(tmp_path / "overlay")
    _add(overlay, _patch({"kind": "ResourceQuota"}, "/spec/hard/pods", "20"))
    assert _told(overlay, "--any-image") == [
        "room: ResourceQuota headrace-default/tenant: allows 20 of pods, and all replicas with a roll-out take 25"
        " (fewer partitions, smaller requests, or a larger ResourceQuota by a patch)"
    ]


def _add(overlay: Path, more: dict[str, Any]) -> None:
    """Say more in an overlay's kustomization."""
    file = overlay / "kustomization.yaml"
    file.write_text(yaml.safe_dump(yaml.safe_load(file.read_text()) | more))


def _patch(target: dict[str, str], path: str, value: str) -> dict[str, Any]:
    return {"patches": [{"target": target, "patch": json.dumps([{"op": "replace", "path": path, "value": value}])}]}


def test_a_wrong_digest_of_a_build() -> None:
    with pytest.raises(PlanError, match="image lake: 'sha256:12ab' is no digest: expected sha256: and 64 hex digits"):
        pinned("../overlay", {"lake": "sha256:12ab"})


def test_images_that_nobody_has_chosen() -> None:
    told = _told(PROJECT_ROOT / "kustomize/overlays/prod")
    assert len(told) == 7
    assert all("no image has been chosen yet: its digest is all zeros" in line for line in told)


def test_a_folder_that_is_no_kustomization(tmp_path: Path) -> None:
    done = RUNNER.invoke(app, ["manifests", str(tmp_path)])
    assert done.exit_code == 2
    assert done.stderr == (
        f"headrace: cannot read {tmp_path}/kustomization.yaml: No such file or directory;"
        " name the folder of a kustomization\n"
    )


def test_what_kustomize_itself_refuses_is_said_in_its_words(tmp_path: Path) -> None:
    (tmp_path / "kustomization.yaml").write_text("resources: [gone.yaml]\n")
    done = RUNNER.invoke(app, ["manifests", str(tmp_path)])
    assert done.exit_code == 2
    assert f"{tmp_path} cannot be built: " in done.stderr
    assert "gone.yaml" in done.stderr
