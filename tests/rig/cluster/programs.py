"""The programs of the cluster: Go modules built once, and Debian packages, each in a folder named by its content."""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from headrace.local.go import go_build, go_ready, go_version
from headrace.local.lock import one_at_a_time
from headrace.local.places import cache_folder, make_folder

from rig import debian

KUBERNETES = "v1.37.2"  # what kube/go.mod pins
_OLDEST_GO = (1, 26)  # the `go` line of the modules
HERE = Path(__file__).parent
_DEBIAN = ("containerd", "runc", "containernetworking-plugins", "nftables", "busybox-static")
_PARTS = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet", "kube-proxy", "kubectl")


@dataclass(frozen=True, slots=True)
class GoProgram:
    """A Go module beside this file and how it is linked; `minutes` is what its build takes on two cores."""

    name: str
    minutes: str
    tags: str = ""
    variables: tuple[tuple[str, str], ...] = ()

    @property
    def options(self) -> list[str]:
        """The options of `go build` that decide the program's bytes."""
        linked = " ".join(["-s", "-w", *(f"-X {name}={value}" for name, value in self.variables)])
        return [f"-tags={self.tags}", f"-ldflags={linked}"]


_VERSION = "k8s.io/component-base/version"
KUBE = GoProgram(
    "kube",
    "8 to 15",
    "selinux_disabled,providerless",
    (
        (f"{_VERSION}.gitVersion", KUBERNETES),  # without these it calls itself v0.0.0-master
        (f"{_VERSION}.gitMajor", KUBERNETES.split(".")[0].removeprefix("v")),
        (f"{_VERSION}.gitMinor", KUBERNETES.split(".")[1]),
        (f"{_VERSION}.gitTreeState", "clean"),
        (f"{_VERSION}.buildDate", "2026-01-01T00:00:00Z"),  # fixed: the same sources give the same bytes
    ),
)
COREDNS = GoProgram("coredns", "2 to 4")
PAUSE = GoProgram("pause", "1")


@dataclass(frozen=True, slots=True)
class NodePrograms:
    """What a node needs besides Kubernetes: a folder with Debian's programs, and two of our own."""

    debian: Path
    pause: Path
    coredns: Path


def kubernetes_ready(say: Callable[[str], None]) -> Path:
    """The folder with Kubernetes' servers and kubectl (links to one program), built first when the cache lacks it."""
    return go_program_ready(KUBE, say).parent


def node_ready(say: Callable[[str], None]) -> NodePrograms:
    """What a node needs besides, fetched and built first when the cache lacks it."""
    return NodePrograms(
        debian.fetch(_DEBIAN, say), pause=go_program_ready(PAUSE, say), coredns=go_program_ready(COREDNS, say)
    )


def go_program_ready(program: GoProgram, say: Callable[[str], None]) -> Path:
    """The built program, in a folder of its own named by what decides its bytes; raises StackError when it fails."""
    cache = cache_folder()
    go = go_ready(cache, _OLDEST_GO, say)
    builds = cache / "builds"
    folder = builds / f"{program.name}-{_key(program, go)}"
    if not folder.exists():
        make_folder(builds)
        with one_at_a_time(builds, say):
            if not folder.exists():
                _build(program, go, folder, say)
    return folder / program.name


def _build(program: GoProgram, go: Path, folder: Path, say: Callable[[str], None]) -> None:
    say(f"Building {program.name} from its pinned sources ({program.minutes} minutes, once)")
    scratch = folder.with_suffix(f".{os.getpid()}")
    scratch.mkdir()
    built = scratch / program.name
    log = folder.parent / "logs" / f"{program.name}.log"
    began = time.monotonic()
    try:
        go_build(go, HERE / program.name, ".", built, program.options, log, say)
        for part in _PARTS if program is KUBE else ():
            (scratch / part).symlink_to(program.name)
        scratch.rename(folder)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    digest = hashlib.sha256((folder / program.name).read_bytes()).hexdigest()
    say(f"Built {program.name} in {time.monotonic() - began:.0f} s, sha256 {digest}")


def _key(program: GoProgram, go: Path) -> str:
    module = HERE / program.name
    sources = [(module / name).read_bytes() for name in ("go.mod", "go.sum", "main.go")]
    told = [go_version(go), platform.machine(), *program.options]
    return hashlib.sha256(b"\0".join([*(word.encode() for word in told), *sources])).hexdigest()[:12]
