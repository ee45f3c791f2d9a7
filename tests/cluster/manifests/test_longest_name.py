"""The longest name that `headrace render` gives a pipeline: whatever Kubernetes makes of it is not too long either."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from importlib import resources
from pathlib import Path

import pytest
from cluster.manifests.pods import COUNTED, has_pods, refusals
from cluster.manifests.shown import Applied, Shown
from headrace.cli.app import app
from headrace.manifests.rendered import LONGEST_PIPELINE
from rig.cluster.kube import Kube, wait_for
from rig.manifests.combinations import Combination
from typer.testing import CliRunner

_NAME = "flights_" + "x" * (LONGEST_PIPELINE - len("flights_"))
_COMPONENTS = ("kafka-plain", "s3", "network-policies", "autoscale-native", "monitoring", "training")


@pytest.fixture
def applied(shown: Shown, tmp_path: Path) -> Iterator[Applied]:
    """A pipeline of that name, applied alone; nothing of it stays."""
    text = resources.files("headrace_flights").joinpath("flights.yaml").read_text()
    file = tmp_path / "flights.yaml"
    file.write_text(text.replace("name: flights", f"name: {_NAME}"))
    done = CliRunner().invoke(app, ["render", str(file), "--out", str(tmp_path / "pipeline")])
    assert done.exit_code == 0, done.stderr
    overlay = Combination(_COMPONENTS, pipeline=tmp_path / "pipeline").write(tmp_path / "overlay")
    shown.hide()
    (found,) = shown.show(str(overlay))
    yield found
    shown.hide()


def test_its_workloads_make_their_pods(applied: Applied, control_plane: Kube) -> None:
    # Given every object taken
    assert applied.first.returncode == 0, applied.first.stderr
    names = [each["metadata"]["name"] for each in applied.of_kind("StatefulSet")]
    assert [name.removesuffix("-feature-engineering").replace("-", "_") for name in names] == [_NAME]
    # When controllers make of them what has longer names, then nothing is refused
    for each in applied.of_kind(*COUNTED):
        wait_for(partial(has_pods, control_plane, each), f"pods of {each['kind']} {each['metadata']['name']}")
    assert refusals(control_plane, "headrace-default") == []
