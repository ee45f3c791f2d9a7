"""What `headrace new` writes works: linted, built from the suite's manifests at its pinned version, its words run."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest
from headrace.local.places import cache_folder
from headrace.manifests.kustomize import build, kustomize_ready
from headrace.manifests.objects import name, of_kind
from rig.workflows.linters import actionlint, zizmor
from rig.workflows.new_repository import commit, git, new_repository, released

ROOT = Path(__file__).parents[2]
HEADRACE = Path(sys.executable).with_name("headrace")


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A new repository, committed once."""
    return new_repository(tmp_path, "parcels", "green")


@pytest.fixture
def _released(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The suite's manifests of this tree as the version that the repository names."""
    for variable, value in released(tmp_path).items():
        monkeypatch.setenv(variable, value)


@pytest.fixture(scope="module")
def kustomize() -> Path:
    return kustomize_ready(cache_folder(), print)


def test_its_workflows_pass_actionlint(repository: Path, actionlint_program: Path) -> None:
    assert actionlint(actionlint_program, repository) == []


def test_its_workflows_pass_zizmor(repository: Path) -> None:
    assert zizmor(repository) == []


def test_its_actions_are_the_commits_that_the_suite_uses_itself(repository: Path) -> None:
    ours, theirs = _actions(ROOT), _actions(repository)

    assert {action: theirs[action] for action in ours.keys() & theirs} == {
        action: ours[action] for action in theirs.keys() & ours
    }
    assert {"actions/checkout", "actions/setup-python"} <= theirs.keys()


@pytest.mark.usefixtures("_released")
@pytest.mark.parametrize("environment", ["staging", "prod"])
def test_a_workflow_applies_only_what_a_deployer_may(repository: Path, kustomize: Path, environment: str) -> None:
    # Given what k8s/cluster-roles.yaml lets a deployer create
    allowed = _deployable_kinds(kustomize)

    built = build(kustomize, repository / "deploy" / environment)

    assert {each["kind"] for each in built} <= allowed
    connections = [each for each in of_kind(built, "ConfigMap") if name(each).startswith("parcels-connections-")]
    assert [each["data"]["HEADRACE_S3_BUCKET"] for each in connections] == [f"headrace-{environment}"]


@pytest.mark.usefixtures("_released")
def test_its_words_run(repository: Path) -> None:
    assert "right. green.parcels has 2 streams" in _make(repository, "check")
    assert "green.parcels.predictions.late" in _make(repository, "plan")
    assert "changed: nothing" in _make(repository, "render")
    assert "deploy/tenant: right." in _make(repository, "manifests")


def test_changes_shows_what_a_pull_request_would_change(repository: Path) -> None:
    # Given a branch with one more feature
    file = repository / "pipeline.yaml"
    file.write_text(file.read_text().replace("[mean, max]", "[mean, max, min]"))
    commit(repository, "Min")

    shown = _make(repository, "changes", "BASE=HEAD^")

    assert [line for line in shown.splitlines() if line.startswith("+ ") and "min" in line]


def test_changes_says_that_there_are_none(repository: Path) -> None:
    assert "The plan is the same." in _make(repository, "changes", "BASE=HEAD")


def test_suite_moves_every_pin_to_another_version(repository: Path) -> None:
    _make(repository, "suite", "REF=9c0ffee")

    pins = (repository / "requirements.txt", *repository.glob("deploy/*/kustomization.yaml"))
    texts = [file.read_text() for file in pins]
    assert sum(text.count("9c0ffee") for text in texts) == 1 + 8 + 2
    assert not any("v0.1.0" in text for text in texts)
    assert git(repository, "status", "--porcelain", "--untracked-files=all").count("\n") == 3


class _GitHub(BaseHTTPRequestHandler):
    """Hands out a token to whoever shows the run's own; the path tells for which audience."""

    def do_GET(self) -> None:
        ours = self.headers["Authorization"] == "bearer of-the-run"
        self.send_response(200 if ours else 403)
        self.end_headers()
        self.wfile.write(json.dumps({"value": f"token for {self.path}"}).encode() if ours else b"")

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def github() -> Iterator[str]:
    """The URL where a run asks for its identity."""
    with HTTPServer(("127.0.0.1", 0), _GitHub) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/token?run=1"
        server.shutdown()
        thread.join()


def test_kubectl_is_told_who_the_run_is(repository: Path, github: str) -> None:
    done = _identity(repository, github, "of-the-run")

    assert json.loads(done.stdout) == {
        "apiVersion": "client.authentication.k8s.io/v1",
        "kind": "ExecCredential",
        "status": {"token": "token for /token?run=1&audience=kubernetes"},
    }


def test_a_run_that_github_does_not_know_gets_one_line(repository: Path, github: str) -> None:
    done = _identity(repository, github, "of-nobody")

    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr == "github-identity: GitHub does not say who this run is: HTTP Error 403: Forbidden\n"


def _identity(repository: Path, url: str, token: str) -> subprocess.CompletedProcess[str]:
    told = {"ACTIONS_ID_TOKEN_REQUEST_URL": url, "ACTIONS_ID_TOKEN_REQUEST_TOKEN": token, "AUDIENCE": "kubernetes"}
    command = [str(repository / "deploy" / "github-identity")]
    return subprocess.run(command, env={**os.environ, **told}, capture_output=True, text=True, timeout=60)


def _deployable_kinds(kustomize: Path) -> set[str]:
    role = next(each for each in build(kustomize, ROOT / "k8s") if name(each) == "headrace-tenant-deployer")
    resources = {resource for rule in role["rules"] if "create" in rule["verbs"] for resource in rule["resources"]}
    kinds = {f"{kind.lower()}s": kind for kind in _KINDS}
    return {kinds[resource] for resource in resources if resource in kinds}


_KINDS = (
    "ConfigMap", "CronJob", "Deployment", "HorizontalPodAutoscaler", "Job", "PodDisruptionBudget", "Service",
    "ServiceAccount", "StatefulSet",
)  # fmt: skip


def _actions(repository: Path) -> dict[str, str]:
    """The commit of each action, with its version."""
    texts = [file.read_text() for file in (repository / ".github" / "workflows").glob("*.yml")]
    used = [each for text in texts for each in re.findall(r"uses: ([\w.-]+/[\w.-]+)@([0-9a-f]{40} # v\S+)", text)]
    return dict(used)


def _make(repository: Path, *words: str) -> str:
    command = ["make", "--silent", *words, f"HEADRACE={HEADRACE}"]
    done = subprocess.run(command, cwd=repository, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
