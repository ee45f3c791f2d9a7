"""What the images are made from: pins for every service, and Dockerfiles without a finding."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from headrace.local.places import PROJECT_ROOT
from rig.images.recipes import JOBS, key_of, service_names

PINS = PROJECT_ROOT / "requirements" / "services"
DOCKERFILES = sorted((PROJECT_ROOT / "docker").rglob("Dockerfile"))
HEAVY = {
    "ingestion": {"numba", "onnxruntime", "deltalake", "xgboost-cpu"},
    "cleaning": {"numba", "onnxruntime", "deltalake", "xgboost-cpu"},
    "feature-engineering": {"onnxruntime", "deltalake", "xgboost-cpu"},
    "inference": {"numba", "deltalake", "xgboost-cpu"},
    "lag": {"numba", "onnxruntime", "deltalake", "xgboost-cpu"},
    "lake": {"numba", "onnxruntime", "xgboost-cpu"},
}
"""What an image must not carry: its process never uses it."""


def pinned(name: str) -> dict[str, str]:
    """The packages of a lock file and their versions."""
    return dict(re.findall(r"^([a-z0-9-]+)==(\S+)", (PINS / f"{name}.txt").read_text(), re.MULTILINE))


@pytest.mark.parametrize("service", [*service_names(), JOBS])
def test_every_image_has_pins_on_top_of_the_common_ones(service: str) -> None:
    # The layer of common packages is the same bytes in every image only if no service pins one of them otherwise
    assert pinned("common").items() <= pinned(service).items()


@pytest.mark.parametrize("service", [*service_names(), JOBS])
def test_images_pin_what_the_tests_ran_with(service: str) -> None:
    tested = dict(re.findall(r"^([a-z0-9-]+)==(\S+)", (PINS.parent / "dev.txt").read_text(), re.MULTILINE))
    assert pinned(service).items() <= tested.items()


@pytest.mark.parametrize("service", HEAVY)
def test_an_image_carries_only_what_its_process_uses(service: str) -> None:
    assert not HEAVY[service] & pinned(service).keys()


@pytest.mark.parametrize("dockerfile", DOCKERFILES, ids=lambda path: str(path.relative_to(PROJECT_ROOT)))
def test_hadolint_finds_nothing(dockerfile: Path) -> None:
    hadolint = Path(sys.executable).with_name("hadolint")
    done = subprocess.run([hadolint, "--no-color", dockerfile], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_images_are_named_by_what_they_are_made_of(tmp_path: Path) -> None:
    # Given a tree
    (tmp_path / "libs").mkdir()
    source = tmp_path / "libs" / "source.py"
    source.write_text("1")
    before = key_of(["libs"], tmp_path)
    # When something is made beside the sources, the images stay what they are
    (tmp_path / "libs" / "__pycache__").mkdir()
    (tmp_path / "libs" / "__pycache__" / "source.pyc").write_text("compiled")
    assert key_of(["libs"], tmp_path) == before
    # When a source changes, they do not
    source.write_text("2")
    assert key_of(["libs"], tmp_path) != before
