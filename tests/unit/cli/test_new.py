"""`headrace new`: what it writes, and what it refuses."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from headrace.cli.app import app
from typer.testing import CliRunner, Result

RUNNER = CliRunner(env={"HEADRACE_KAFKA": "", "HEADRACE_PIPELINE": ""})


@pytest.fixture(autouse=True)
def _somewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def _new(*arguments: str) -> Result:
    return RUNNER.invoke(app, ["new", *arguments])


def test_a_new_pipeline_is_right_and_has_a_plan() -> None:
    assert _new("parcels").exit_code == 0

    checked = RUNNER.invoke(app, ["check", "parcels/pipeline.yaml"])
    planned = RUNNER.invoke(app, ["plan", "parcels/pipeline.yaml"])

    assert "right. default.parcels has 2 streams, 2 views, 1 prediction" in checked.stdout
    assert planned.exit_code == 0
    assert "default.parcels.predictions.late" in planned.stdout


def test_the_names_are_everywhere_and_no_place_for_one_is_left() -> None:
    assert _new("late_parcels", "--tenant", "green", "--suite", "4f2d1c").exit_code == 0

    texts = {file: file.read_text() for file in Path("late_parcels").rglob("*") if file.is_file()}
    assert [file for file, text in texts.items() if "@NAME@" in text or "@TENANT@" in text or "@REF@" in text] == []
    assert [file for file, text in texts.items() if "@NAMESPACE@" in text or "@PREFIX@" in text] == []
    rollout = Path("late_parcels/.github/workflows/rollout.yml").read_text()
    assert "NAMESPACE: headrace-green" in rollout
    assert "headrace.dev/pipeline=late_parcels" in rollout
    assert "?ref=4f2d1c" in Path("late_parcels/deploy/suite/kustomization.yaml").read_text()
    assert "cronjob/late-parcels-training" in Path("late_parcels/README.md").read_text()


def test_what_is_rendered_is_what_headrace_render_would_write() -> None:
    _new("parcels")

    done = RUNNER.invoke(app, ["render", "parcels/pipeline.yaml", "--out", "parcels/deploy/pipeline"])

    assert "changed: nothing" in done.stdout


def test_the_credential_plugin_can_be_run() -> None:
    _new("parcels")

    assert os.access("parcels/deploy/github-identity", os.X_OK)


def test_a_second_time_is_refused_and_nothing_is_touched() -> None:
    _new("parcels")
    Path("parcels/pipeline.yaml").write_text("# mine\n")

    done = _new("parcels", "--tenant", "green")

    assert done.exit_code == 2
    expected = "parcels exists and is not empty: nothing was written; choose another name, or empty it"
    assert done.stderr.strip() == f"headrace: {expected}"
    assert Path("parcels/pipeline.yaml").read_text() == "# mine\n"


def test_an_empty_folder_is_as_good_as_none() -> None:
    Path("parcels").mkdir()

    assert _new("parcels").exit_code == 0


def test_a_file_of_that_name_is_refused() -> None:
    Path("parcels").write_text("")

    done = _new("parcels")

    assert done.exit_code == 2
    assert done.stderr.strip() == "headrace: cannot write parcels: File exists"


@pytest.mark.parametrize("name", ["Parcels", "9parcels", "late-parcels", "../parcels", "p" * 33, ""])
def test_a_name_that_a_pipeline_cannot_have_is_refused_before_anything_is_written(name: str) -> None:
    done = _new(name)

    assert done.exit_code == 2
    assert done.stderr.startswith(f"headrace: {name!r} cannot name a pipeline: expected a lower-case letter")
    assert list(Path().iterdir()) == []


def test_a_tenant_that_cannot_be_a_namespace_is_refused() -> None:
    done = _new("parcels", "--tenant", "a_b")

    assert done.exit_code == 2
    assert "the tenant 'a_b' cannot be a namespace" in done.stderr
    assert list(Path().iterdir()) == []


def test_a_version_that_would_be_more_than_a_name_is_refused() -> None:
    done = _new("parcels", "--suite", "v1 --upload-pack=x")

    assert done.exit_code == 2
    assert "is no tag or commit of Headrace" in done.stderr
