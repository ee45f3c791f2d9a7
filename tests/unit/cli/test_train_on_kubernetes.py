"""`headrace train --on kubernetes` without a cluster, and what its end means to a shell."""

from __future__ import annotations

import asyncio
import socket
import sys
from pathlib import Path
from typing import Never

import pytest
import yaml
from headrace.cli import train_on_kubernetes as module
from headrace.cli.app import app
from headrace.cli.train_on_kubernetes import Place, exit_of_job
from headrace.runtime.exits import Exit
from headrace.training_job.manifest import Object
from headrace.training_job.progress import Ending
from typer.testing import CliRunner, Result

FLIGHTS = Path(__file__).parents[3] / "examples/flights/headrace_flights/flights.yaml"


def train(*options: str, kubeconfig: Path = Path("none")) -> Result:
    """Run the command."""
    environment = {"KUBECONFIG": str(kubeconfig), "KUBERNETES_SERVICE_HOST": None}
    return CliRunner(env=environment).invoke(app, ["train", str(FLIGHTS), *options])


def test_without_a_kubeconfig_one_line_says_so(tmp_path: Path) -> None:
    done = train("--on", "kubernetes", kubeconfig=tmp_path / "config")

    assert done.exit_code == Exit.USER
    assert (
        done.stderr
        == f"headrace: no cluster to train on: no kubeconfig {tmp_path / 'config'}; name one with KUBECONFIG\n"
    )


def kubeconfig(folder: Path, server: str) -> Path:
    """A kubeconfig for an API server."""
    content = {
        "current-context": "c",
        "clusters": [{"name": "c", "cluster": {"server": server}}],
        "users": [{"name": "u", "user": {"token": "t"}}],
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
    }
    path = folder / "config"
    path.write_text(yaml.safe_dump(content))
    return path


def test_a_context_that_is_not_there_is_named(tmp_path: Path) -> None:
    done = train("--on", "kubernetes", "--context", "prod", kubeconfig=kubeconfig(tmp_path, "https://127.0.0.1:1"))

    assert done.exit_code == Exit.USER
    assert "prod" in done.stderr
    assert done.stderr.count("\n") == 1


def test_an_api_server_that_is_away_is_no_failed_training(tmp_path: Path) -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        done = train(
            "--on", "kubernetes", kubeconfig=kubeconfig(tmp_path, f"https://127.0.0.1:{bound.getsockname()[1]}")
        )

    assert done.exit_code == Exit.CLUSTER
    assert "could not be asked" in done.stderr


def test_without_kubernetes_client_one_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    # The suite's own images are such: they train, and submit nothing.
    monkeypatch.delitem(sys.modules, "headrace.cli.train_on_kubernetes")
    monkeypatch.delattr("headrace.cli.train_on_kubernetes")
    monkeypatch.delitem(sys.modules, "headrace.training_job.api")
    monkeypatch.setitem(sys.modules, "kubernetes.aio", None)

    done = train("--on", "kubernetes")

    assert done.exit_code == Exit.USER
    assert done.stderr == "headrace: --on kubernetes needs the package kubernetes.aio: install headrace[kubernetes]\n"


def test_options_of_a_cluster_without_one_are_refused() -> None:
    done = train("--detach")
    assert (done.exit_code, "need --on kubernetes" in done.stderr) == (2, True)


@pytest.mark.parametrize(
    ("ending", "expected"),
    [
        (Ending(True, 0, ""), Exit.DONE),
        (Ending(False, 20, "a bad model"), Exit.MODEL),
        (Ending(False, 14, "the store"), Exit.STORE),
        (Ending(False, 1, "a trace"), Exit.FAULT),
        (Ending(False, 139, "a signal"), Exit.JOB),
        (Ending(False, None, "deleted"), Exit.JOB),
    ],
)
def test_the_jobs_end_is_the_commands(ending: Ending, expected: Exit) -> None:
    assert exit_of_job(ending) == expected


def test_ctrl_c_leaves_the_job_running_and_says_how_to_go_on(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def interrupted(*_: object) -> Never:
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "follow", interrupted)
    monkeypatch.setattr(module, "connect", _Nowhere)
    job: Object = {"metadata": {"name": "flights-training-1"}}

    status = module._follow(Place(Path("f.yaml"), "headrace-blue", "prod", "flights-training"), job)

    told = capsys.readouterr().err
    assert status == 130
    assert "job flights-training-1 goes on" in told
    assert (
        "follow it: headrace train f.yaml --on kubernetes --namespace headrace-blue --context prod"
        " --follow flights-training-1" in told
    )
    assert "stop it:   kubectl -n headrace-blue --context prod delete job flights-training-1" in told


class _Nowhere:
    """A connection that is never asked for anything."""

    def __init__(self, *_: object) -> None: ...

    async def __aenter__(self) -> _Nowhere:
        await asyncio.sleep(0)
        return self

    async def __aexit__(self, *_: object) -> None: ...
