"""The suite's own workflows: linted for real, pinned, and saying only words that `make` knows."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from rig.workflows.linters import actionlint, zizmor

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
PLANTED = """
name: Planted
on:
  issues:
permissions: write-all
jobs:
  planted:
    runs-on: ubuntu-24.04
    steps:
      - uses: actions/checkout@v6
      - run: |
          echo ${{ github.event.issue.title }}
          cat $FILE
      - run: make ${{ matrix.word }}
"""


@pytest.fixture
def planted(tmp_path: Path) -> Path:
    """A repository whose one workflow runs what strangers write, with every permission and an action that moves."""
    folder = tmp_path / ".github" / "workflows"
    folder.mkdir(parents=True)
    (folder / "planted.yml").write_text(PLANTED)
    return tmp_path


def test_actionlint_finds_nothing(actionlint_program: Path) -> None:
    assert actionlint(actionlint_program, ROOT) == []


def test_zizmor_finds_nothing() -> None:
    assert zizmor(ROOT) == []


def test_actionlint_refuses_what_was_planted(planted: Path, actionlint_program: Path) -> None:
    found = "\n".join(actionlint(actionlint_program, planted))

    assert 'property "word" is not defined' in found
    assert '"github.event.issue.title" is potentially untrusted' in found
    assert "SC2086" in found  # shellcheck looks into `run` too


def test_zizmor_refuses_what_was_planted(planted: Path) -> None:
    found = {line.partition(":")[0] for line in zizmor(planted)}

    assert {"template-injection", "excessive-permissions", "unpinned-uses", "artipacked"} <= found


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.stem)
def test_every_action_is_a_commit_with_its_version_beside_it(file: Path) -> None:
    used = re.findall(r"uses: (?!\./)(.+)", file.read_text())

    assert [each for each in used if not re.fullmatch(r"[\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", each)] == []


def test_one_action_has_one_commit_in_all_workflows() -> None:
    used = {each for file in WORKFLOWS for each in re.findall(r"uses: ([\w.-]+/[\w./-]+@\S+)", file.read_text())}

    assert len(used) == len({each.partition("@")[0] for each in used})


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.stem)
def test_every_job_has_a_deadline_and_says_what_it_may(file: Path) -> None:
    workflow = _load(file)

    assert workflow["permissions"] == {}
    assert "concurrency" in workflow
    for job in workflow["jobs"].values():
        assert "permissions" in job
        assert "timeout-minutes" in job or "uses" in job


def test_every_word_that_is_run_is_one_that_make_knows() -> None:
    steps = [step for file in WORKFLOWS for job in _load(file)["jobs"].values() for step in job.get("steps", ())]
    words = {word for step in steps for word in re.findall(r"make (?:--silent )?([a-z-]+)", step.get("run", ""))}
    ci = _load(ROOT / ".github/workflows/ci.yml")["jobs"]
    words |= {word for job in ci.values() for word in job["strategy"]["matrix"]["word"]}

    assert words >= {"test", "promote", "signatures"}
    for word in sorted(words):
        asked = subprocess.run(["make", "-n", word], cwd=ROOT, capture_output=True, text=True, timeout=60)
        assert asked.returncode == 0, asked.stderr


def test_the_images_that_are_built_are_those_that_dev_runs() -> None:
    matrix = _load(ROOT / ".github/workflows/images.yml")["jobs"]["image"]["strategy"]["matrix"]
    component = _load(ROOT / "kustomize/overlays/dev/images/kustomization.yaml")

    built = [*matrix["image"], *(each["image"] for each in matrix["include"])]
    assert sorted(f"ghcr.io/headrace/{name}" for name in built) == sorted(each["name"] for each in component["images"])


def _load(file: Path) -> dict[Any, Any]:
    loaded: dict[Any, Any] = yaml.safe_load(file.read_text())
    return loaded
