"""A machine that cannot run a cluster is told everything it lacks, before anything is built."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from headrace.contract.errors import StackError
from rig.cluster import cgroups, preflight


@pytest.fixture
def able(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine that looks as if it could: root, and every program on the PATH (they do nothing, and succeed)."""
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(cgroups, "missing", lambda: "")
    monkeypatch.setenv("PATH", str(tmp_path))
    for name in ("unshare", "nsenter", "mount", "ip"):
        (tmp_path / name).write_text("#!/bin/sh\n")
        (tmp_path / name).chmod(0o755)
    return tmp_path


def test_a_machine_that_has_it_all_passes(able: Path) -> None:
    preflight.check(able / "state", able / "cache", node=True)


def test_without_root_and_a_program_both_are_named(able: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    (able / "ip").unlink()

    with pytest.raises(StackError, match=r"iproute2 is not installed; it needs root .* KUBECONFIG"):
        preflight.check(able, able, node=False)


def test_a_machine_that_refuses_namespaces_is_quoted(able: Path) -> None:
    (able / "unshare").write_text("#!/bin/sh\necho 'unshare failed: Operation not permitted' >&2\nexit 1\n")

    with pytest.raises(StackError, match=r"refuses new namespaces \(unshare failed: Operation not permitted\)"):
        preflight.check(able, able, node=False)


def test_control_groups_matter_to_a_node_alone(able: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cgroups, "missing", lambda: "control groups of version 1 (memory) are not mounted")

    preflight.check(able, able, node=False)
    with pytest.raises(StackError, match="control groups of version 1"):
        preflight.check(able, able, node=True)


def test_a_state_folder_that_the_nodes_mounts_would_hide_is_refused(able: Path) -> None:
    with pytest.raises(
        StackError, match=r"/var/lib/headrace lies in /var/lib.*name another folder with HEADRACE_STATE"
    ):
        preflight.check(Path("/var/lib/headrace"), able, node=True)


def test_another_system_than_linux_is_told_so(able: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")

    with pytest.raises(StackError, match="it needs Linux, this is darwin"):
        preflight.check(able, able, node=True)
