"""A change of the pipeline file rolls the services that it concerns, on the renderings themselves."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from headrace.contract.load import load_pipeline
from headrace.local.places import PROJECT_ROOT
from headrace.manifests.objects import Manifest, name, of_kind
from headrace.manifests.pinned import pinned
from headrace.manifests.rendered import rendered

Build = Callable[[Path], list[Manifest]]

FLIGHTS = (PROJECT_ROOT / "examples/flights/headrace_flights/flights.yaml").read_text()
CHANGES = {
    "a comment": (("# and those of this carrier", "# his own"), set()),
    "a window": (("windows: [3h, 24h]", "windows: [3h, 12h]"), {"feature-engineering", "inference", "lake"}),
    "a model": (("model: late_at_departure", "model: late"), {"inference"}),
    "a range": (("between: [-120, 2000]", "between: [-90, 2000]"), {"ingestion"}),
    "a clean step": (("upper}\n      - derive", "nfc}\n      - derive"), {"cleaning"}),
}  # fmt: skip


@pytest.mark.parametrize("change", CHANGES)
def test_pods_of_other_services_stay_as_they_are(change: str, tmp_path: Path, kustomized: Build) -> None:
    # Given the overlay as it is, and with one thing changed in the pipeline file
    (old, new), concerned = CHANGES[change]
    assert FLIGHTS.count(old) == 1
    before = _templates(kustomized(_stack(tmp_path / "before", FLIGHTS)))
    after = _templates(kustomized(_stack(tmp_path / "after", FLIGHTS.replace(old, new))))
    # Then the pod templates that differ, which is what Kubernetes rolls, are those of the services concerned
    assert {service for service in before if before[service] != after[service]} == concerned


def test_a_change_of_the_addresses_rolls_them_all(tmp_path: Path, kustomized: Build) -> None:
    before = _templates(kustomized(_stack(tmp_path / "before", FLIGHTS)))
    after = _templates(kustomized(_stack(tmp_path / "after", FLIGHTS, kafka="elsewhere.example.com:9094")))
    assert all(before[service] != after[service] for service in before)


OTHERWISE: dict[str, dict[str, Any]] = {
    "the image": {"digest": f"sha256:{1:064}"},
    "the pipeline file": {"text": f"{FLIGHTS}\n# the same again\n"},
    "an address": {"kafka": "elsewhere.example.com:9094"},
    "how brokers are spoken to": {"components": ("kafka-mtls", "kafka-sasl-tls")},
    "where objects are": {"components": ("s3", "gcs")},
}


@pytest.mark.parametrize("what", OTHERWISE)
def test_the_topics_job_is_another_one_when_it_runs_with_something_else(
    what: str, tmp_path: Path, kustomized: Build
) -> None:
    # A Job of the same name could not be applied again: its template cannot be changed.
    before = _topics(kustomized, tmp_path / "before")
    again = _topics(kustomized, tmp_path / "again")
    after = _topics(kustomized, tmp_path / "after", **OTHERWISE[what])
    assert before == again
    assert name(before).startswith("flights-topics-")
    assert before["spec"] != after["spec"]
    assert name(before) != name(after)


def _topics(
    kustomized: Build,
    root: Path,
    *,
    digest: str = f"sha256:{0:064}",
    text: str = FLIGHTS,
    kafka: str = "kafka.prod.example.com:9094",
    components: tuple[str, str] = ("s3", "s3"),
) -> Manifest:
    """The topics Job of the production overlay, with what is different in it; its images come from around it."""
    overlay = _stack(root, text, kafka)
    file = overlay / "kustomization.yaml"
    old, new = components
    file.write_text(file.read_text().replace(f"components/{old}\n", f"components/{new}\n"))
    mine = root / "mine"
    mine.mkdir()
    (mine / "kustomization.yaml").write_text(pinned("../kustomize/overlays/prod", {"headrace-cli": digest}))
    (job,) = of_kind(kustomized(mine), "Job")
    return job


def _stack(root: Path, text: str, kafka: str = "kafka.prod.example.com:9094") -> Path:
    """A copy of the manifests with another pipeline file in the production overlay; returns its pipeline's folder."""
    shutil.copytree(PROJECT_ROOT / "kustomize", root / "kustomize")
    shutil.copytree(PROJECT_ROOT / "k8s", root / "k8s")
    for path, content in rendered(load_pipeline(text, "flights.yaml"), text).items():
        (root / "kustomize/pipelines/flights" / path).write_text(content)
    overlay = root / "kustomize/overlays/prod/flights"
    file = overlay / "kustomization.yaml"
    file.write_text(file.read_text().replace("kafka.prod.example.com:9094", kafka))
    return overlay


def _templates(manifests: list[Manifest]) -> dict[str, Any]:
    return {
        name(each).removeprefix("flights-"): each["spec"]["template"]
        for each in of_kind(manifests, "Deployment", "StatefulSet")
    }
