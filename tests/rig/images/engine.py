"""A private dockerd with BuildKit: its socket, mounts and cgroup are its own, and gone when it is."""

from __future__ import annotations

import shlex
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from headrace.contract.errors import StackError
from headrace.local.child import Child
from headrace.local.tools import run_to_end

from rig import debian
from rig.images import cgroups

_PACKAGES = ("docker.io", "containerd", "runc", "tini")
_READY_SECONDS = 60.0
_STOP_SECONDS = 30.0
_PATHS = ("PATH", "LD_LIBRARY_PATH")
_CLIENT = """\
#!/bin/sh
{paths}
if [ "$1" = build ]; then
  for word; do shift; [ "$word" = --load ] || set -- "$@" "$word"; done
  shift
  set -- build --network=host "$@"
fi
exec {docker} "$@"
"""
_OPTIONS = ("--bridge=none", "--iptables=false", "--ip-forward=false", "--userland-proxy=false")


class Engine:
    """A context manager; `data` keeps layers and build caches from one run to the next."""

    def __init__(self, data: Path, logs: Path, say: Callable[[str], None]) -> None:
        self._data = data
        self._logs = logs
        self._say = say
        self._scratch = tempfile.TemporaryDirectory(prefix="headrace-docker-")
        self._parent = f"headrace-{Path(self._scratch.name).name}"
        root = debian.fetch(_PACKAGES, say)
        self._environment = {**debian.environment(root), "DOCKER_BUILDKIT": "1"}
        self._docker = root / "usr/bin/docker"
        self._dockerd = root / "usr/sbin/dockerd"
        self._child = Child("dockerd", self._command(), log=logs / "dockerd.log", environment=self._environment)

    def __enter__(self) -> Self:
        self._data.mkdir(parents=True, exist_ok=True)
        self._child.start()
        deadline = time.monotonic() + _READY_SECONDS
        try:
            while self.run("version", check=False).returncode != 0:
                if not self._child.alive:
                    raise self._child.died()
                if time.monotonic() > deadline:
                    raise StackError(f"dockerd does not answer after {_READY_SECONDS:g} s; see {self._child.log}")
                time.sleep(0.1)
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    @property
    def host(self) -> str:
        """Where it answers, as in DOCKER_HOST."""
        return f"unix://{self._scratch.name}/docker.sock"

    def command(self, *words: str) -> list[str]:
        """A docker command for this daemon."""
        return [str(self._docker), "--host", self.host, *words]

    def run(self, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a docker command; raises StackError with its own words when it fails and `check` is set."""
        done = subprocess.run(self.command(*words), capture_output=True, text=True, env=self._environment, check=False)
        if check and done.returncode != 0:
            raise StackError(f"docker {' '.join(words[:2])}: {done.stderr.strip()}")
        return done

    def write_client(self, file: Path) -> None:
        """Write this daemon's client for others.

        It has no bridge, so that their builds too use the host's network; its one builder keeps what it builds, and
        does not know the flag of buildx that says so.
        """
        paths = "\n".join(f"export {name}={shlex.quote(self._environment[name])}" for name in _PATHS)
        file.write_text(_CLIENT.format(paths=paths, docker=shlex.join(self.command())))
        file.chmod(0o755)

    def image_id(self, reference: str) -> str:
        """The id of an image, which is the digest of its configuration; empty when there is none of this name."""
        return self.run("image", "inspect", "--format", "{{.Id}}", reference, check=False).stdout.strip()

    def build(
        self, reference: str, folder: Path, dockerfile: Path, arguments: Mapping[str, str], target: str | None = None
    ) -> None:
        """Build an image; raises StackError with the last lines of the build."""
        told = [word for name, value in arguments.items() for word in ("--build-arg", f"{name}={value}")]
        aim = ["--target", target] if target else []
        words = ["build", "--progress=plain", "--network=host", "--file", str(dockerfile), "--tag", reference]
        name = reference.rpartition("/")[2].partition(":")[0]
        log = self._logs / f"{name}.log"
        log.unlink(missing_ok=True)
        command = self.command(*words, *aim, *told, str(folder))
        run_to_end(name, command, log, f"cannot build {reference}", self._say, self._environment)

    def _command(self) -> Sequence[str]:
        scratch = self._scratch.name
        places = [f"--data-root={self._data}", f"--exec-root={scratch}/exec", f"--pidfile={scratch}/pid"]
        # A mount namespace of its own: whatever it mounts ends with it.
        alone = ["/usr/bin/unshare", "--mount", "--propagation=private", "--"]
        return [
            *alone,
            str(self._dockerd),
            f"--host={self.host}",
            *places,
            f"--cgroup-parent=/{self._parent}",
            *_OPTIONS,
        ]

    def _end(self) -> None:
        try:
            self._child.stop(_STOP_SECONDS)
        finally:
            self._child.kill()
            cgroups.remove(self._parent)
            self._scratch.cleanup()
