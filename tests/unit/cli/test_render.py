"""`headrace render`: a pipeline file as a Kustomize component."""

from __future__ import annotations

from pathlib import Path

import pytest
from headrace.cli.app import app
from headrace.contract.load import load_pipeline
from headrace.contract.pipeline import Pipeline
from headrace.contract.projection import SERVICES, project
from headrace.contract.yaml_lines import read_yaml, write_yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

FLIGHTS = Path(__file__).parents[3] / "examples/flights/headrace_flights/flights.yaml"
TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]))
KEY = st.from_regex(r"[a-z_]{1,8}", fullmatch=True)
PLAIN = st.recursive(
    TEXT | st.integers() | st.booleans(), lambda part: st.lists(part) | st.dictionaries(KEY, part), max_leaves=20
)
RUNNER = CliRunner(env={"HEADRACE_PIPELINE": ""})


def test_each_service_gets_its_part_as_a_file_that_can_be_read_alone(tmp_path: Path) -> None:
    done = RUNNER.invoke(app, ["render", str(FLIGHTS), "--out", str(tmp_path)])

    assert done.exit_code == 0
    assert f"{tmp_path}: default.flights for the namespace headrace-default" in done.stdout
    for service in SERVICES:
        part = load_pipeline((tmp_path / f"{service}.yaml").read_text(), service)
        whole = read_yaml(FLIGHTS.read_text()).data
        assert part == Pipeline.model_validate(project(whole, service))
    assert (tmp_path / "pipeline.yaml").read_text() == FLIGHTS.read_text()


def test_rendering_again_says_that_nothing_has_changed(tmp_path: Path) -> None:
    RUNNER.invoke(app, ["render", str(FLIGHTS), "--out", str(tmp_path)])
    done = RUNNER.invoke(app, ["render", str(FLIGHTS), "--out", str(tmp_path)])
    assert "changed: nothing" in done.stdout


def test_rendering_a_change_says_whose_part_it_is(tmp_path: Path) -> None:
    RUNNER.invoke(app, ["render", str(FLIGHTS), "--out", str(tmp_path / "out")])
    changed = tmp_path / "flights.yaml"
    changed.write_text(FLIGHTS.read_text().replace("model: late_at_departure", "model: late"))
    done = RUNNER.invoke(app, ["render", str(changed), "--out", str(tmp_path / "out")])
    told = done.stdout.splitlines()[-1]
    assert told == "changed: inference.yaml, kustomization.yaml, pipeline.yaml, watched/pipeline.yaml"


def test_a_wrong_file_is_told_with_its_line_and_renders_nothing(tmp_path: Path) -> None:
    wrong = tmp_path / "flights.yaml"
    wrong.write_text(FLIGHTS.read_text().replace("on: departures", "on: departure"))
    done = RUNNER.invoke(app, ["render", str(wrong), "--out", str(tmp_path / "out")])
    assert done.exit_code == 2
    assert "did you mean 'departures'?" in done.stderr
    assert not (tmp_path / "out").exists()


def test_a_tenant_whose_name_is_no_namespace(tmp_path: Path) -> None:
    wrong = tmp_path / "flights.yaml"
    wrong.write_text(FLIGHTS.read_text().replace("name: flights\n", "name: flights\ntenant: our_team\n"))
    done = RUNNER.invoke(app, ["render", str(wrong), "--out", str(tmp_path / "out")])
    assert done.exit_code == 2
    assert done.stderr == (
        "headrace: the tenant 'our_team' cannot be a namespace: Kubernetes allows no `_` in it; choose a name without\n"
    )


@pytest.mark.parametrize(
    ("name", "said"),
    [
        (f"name: {'p' * 33}", "the pipeline '{0}' cannot name its resources: Kubernetes leaves room for 32 characters"),
        (f"name: flights\ntenant: {'t' * 55}", "the tenant '{1}' cannot be a namespace: Kubernetes leaves room for 54"),
    ],
)
def test_a_name_that_is_too_long_for_kubernetes(tmp_path: Path, name: str, said: str) -> None:
    wrong = tmp_path / "flights.yaml"
    wrong.write_text(FLIGHTS.read_text().replace("name: flights\n", f"{name}\n"))
    done = RUNNER.invoke(app, ["render", str(wrong), "--out", str(tmp_path / "out")])
    assert done.exit_code == 2
    assert done.stderr.startswith(f"headrace: {said.format('p' * 33, 't' * 55)}")


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file")
    done = RUNNER.invoke(app, ["render", str(FLIGHTS), "--out", str(tmp_path / "out")])
    assert done.exit_code == 2
    assert done.stderr.startswith(f"headrace: cannot write {tmp_path}/out/")


@given(PLAIN)
@settings(max_examples=50)
def test_what_is_written_is_read_back_as_it_was(data: object) -> None:
    assert read_yaml(write_yaml({"part": data})).data == {"part": data}
