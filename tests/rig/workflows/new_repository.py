"""A repository that `headrace new` wrote, and a release of this tree's manifests where git looks for Headrace's own."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from headrace.local.places import PROJECT_ROOT

_HEADRACE = "https://github.com/headrace/headrace"
_VERSION = "v0.1.0"
_AUTHOR = {
    f"GIT_{who}_{what}": value for who in ("AUTHOR", "COMMITTER") for what, value in (("NAME", "n"), ("EMAIL", "n@n"))
}


def new_repository(folder: Path, name: str, tenant: str) -> Path:
    """The repository, committed once."""
    command = [sys.executable, "-m", "headrace.cli", "new", name, "--tenant", tenant, "--suite", _VERSION]
    subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=120)
    commit(folder / name, "New")
    return folder / name


def released(folder: Path) -> dict[str, str]:
    """Release this tree's manifests, with digests; returns the environment in which git finds that release."""
    suite = folder / "suite"
    for part in ("kustomize", "k8s"):
        shutil.copytree(PROJECT_ROOT / part, suite / part)
    for component in suite.glob("kustomize/overlays/*/images/kustomization.yaml"):
        component.write_text(re.sub(r"sha256:[0-9a-f]{64}", f"sha256:{7:064x}", component.read_text()))
    commit(suite, "Release")
    git(suite, "tag", _VERSION)
    instead = {"GIT_CONFIG_KEY_0": f"url.file://{suite}.insteadOf", "GIT_CONFIG_VALUE_0": _HEADRACE}
    return {"GIT_CONFIG_COUNT": "1", **instead}


def commit(folder: Path, message: str) -> None:
    """Commit everything in a folder, which becomes a repository if it is none."""
    git(folder, "init", "--quiet")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", message)


def git(folder: Path, *arguments: str) -> str:
    """What git prints."""
    return subprocess.run(
        ["git", *arguments], cwd=folder, env={**os.environ, **_AUTHOR}, capture_output=True, text=True, timeout=60,
        check=True,
    ).stdout  # fmt: skip
