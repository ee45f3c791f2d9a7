"""Digests move from one overlay to the next."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from headrace.contract.errors import PlanError
from headrace.manifests.promotion import images_of, promoted

ROOT = Path(__file__).parents[3]
OVERLAYS = ROOT / "kustomize" / "overlays"
A, B, NONE = (f"sha256:{digit * 64}" for digit in "ab0")
COMPONENT = f"""\
# Which images run here.
apiVersion: kustomize.config.k8s.io/v1alpha1
kind: Component
images:
  - name: ghcr.io/headrace/ingestion
    digest: {NONE}
  - name: ghcr.io/headrace/lag
    digest: {NONE}
"""


def test_an_overlay_gets_the_digests_and_keeps_its_comments() -> None:
    after = promoted(COMPONENT, {"ghcr.io/headrace/ingestion": A, "ghcr.io/headrace/lag": B})

    assert images_of(after) == {"ghcr.io/headrace/ingestion": A, "ghcr.io/headrace/lag": B}
    assert after == COMPONENT.replace(NONE, A, 1).replace(NONE, B, 1)


def test_an_image_that_the_overlay_does_not_name_stays_out() -> None:
    # Given what was built for dev, which has a Kafka of its own
    digests = {"ghcr.io/headrace/ingestion": A, "ghcr.io/headrace/lag": B, "ghcr.io/headrace/dev-kafka": A}

    assert "dev-kafka" not in promoted(COMPONENT, digests)


def test_an_image_without_a_digest_stops_the_promotion() -> None:
    with pytest.raises(PlanError, match=r"no digest for ghcr\.io/headrace/lag: it was not built"):
        promoted(COMPONENT, {"ghcr.io/headrace/ingestion": A})


@pytest.mark.parametrize("digest", ["latest", "sha256:abc", A.upper(), "sha512:" + "a" * 64])
def test_what_is_no_digest_is_refused(digest: str) -> None:
    with pytest.raises(PlanError, match="is no digest"):
        promoted(COMPONENT, {"ghcr.io/headrace/ingestion": digest, "ghcr.io/headrace/lag": B})


def test_an_overlay_that_was_never_promoted_to_gives_nothing_on() -> None:
    with pytest.raises(PlanError, match=r"ghcr\.io/headrace/ingestion has no digest yet"):
        images_of(COMPONENT)


def test_what_was_built_goes_through_dev_and_staging_to_prod(tmp_path: Path) -> None:
    # Given the overlays as they are, and a digest for each image
    script = _copied(tmp_path)
    names = _names(OVERLAYS / "dev")
    for number, name in enumerate(names, 1):
        (tmp_path / "digests").mkdir(exist_ok=True)
        (tmp_path / "digests" / name.rpartition("/")[2]).write_text(f"sha256:{number:064x}\n")

    # When they are promoted as CI does it
    _run(script, "dev", str(tmp_path / "digests"))
    _run(script, "staging")
    _run(script, "prod")

    # Then prod runs what was built, and nothing else in it has changed
    listed = _run(script, "--list", "prod").splitlines()
    assert listed == [f"{name}@sha256:{names.index(name) + 1:064x}" for name in _names(OVERLAYS / "prod")]


def test_prod_takes_nothing_that_staging_does_not_run(tmp_path: Path) -> None:
    script = _copied(tmp_path)

    done = subprocess.run([sys.executable, str(script), "prod"], capture_output=True, text=True, timeout=60)

    assert done.returncode == 1
    assert done.stderr.startswith("promote: ghcr.io/headrace/ingestion has no digest yet")


def _copied(folder: Path) -> Path:
    """The script and the components, each with no digest yet."""
    script = folder / "kustomize" / "promote.py"
    for overlay in ("dev", "staging", "prod"):
        component = folder / "kustomize" / "overlays" / overlay / "images" / "kustomization.yaml"
        component.parent.mkdir(parents=True)
        entries = "".join(f"  - name: {name}\n    digest: {NONE}\n" for name in _names(OVERLAYS / overlay))
        component.write_text(f"images:\n{entries}")
    script.write_text((ROOT / "kustomize" / "promote.py").read_text())
    return script


def _names(overlay: Path) -> list[str]:
    loaded = yaml.safe_load((overlay / "images" / "kustomization.yaml").read_text())
    return [image["name"] for image in loaded["images"]]


def _run(script: Path, *arguments: str) -> str:
    return subprocess.run(
        [sys.executable, str(script), *arguments], capture_output=True, text=True, timeout=60, check=True
    ).stdout
