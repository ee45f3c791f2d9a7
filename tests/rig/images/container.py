"""A service in a container of its image, under the security context of the manifests."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from headrace.local.child import Child
from headrace.local.ports import LOOPBACK
from headrace.local.service import Service
from headrace.local.stack import Endpoints

from rig.images.engine import Engine
from rig.images.recipes import REPOSITORY

RESTRICTED = (
    "--rm",
    "--network=host",
    "--read-only",
    "--user=10001:10001",
    "--cap-drop=ALL",
    "--security-opt=no-new-privileges",
    "--tmpfs=/tmp:size=256m,mode=1777",
    "--memory=1g",
)
"""What a restricted pod has: a read-only root but for /tmp, no capability, nobody's user. Docker adds its seccomp."""
_PIPELINE = "/etc/headrace/pipeline.yaml"


class Container(Service):
    """`docker run` in the foreground as the service's process: signals and the exit status pass through it."""

    def __init__(
        self,
        name: str,
        *,
        engine: Engine,
        pipeline: Path,
        endpoints: Endpoints,
        logs: Path,
        number: int = 0,
        settings: Mapping[str, str] | None = None,
        image: str | None = None,
        context: Sequence[str] = RESTRICTED,
    ) -> None:
        super().__init__(name, pipeline=pipeline, endpoints=endpoints, logs=logs, number=number, settings=settings)
        self._engine = engine
        self.container = f"{self.instance}-{os.getpid()}-{self.port}".replace("_", "-")
        told = {
            **endpoints.environment,
            "HEADRACE_PIPELINE": _PIPELINE,
            "HEADRACE_HTTP_HOST": LOOPBACK,
            "HEADRACE_HTTP_PORT": str(self.port),
            "HEADRACE_INSTANCE": self.instance,
            **(settings or {}),
        }
        words = [
            word for variable in told for word in ("--env", variable)
        ]  # values come by the environment: no secret in ps
        image = image or f"{REPOSITORY}/{name.replace('_', '-')}:dev"
        mount = f"--volume={pipeline}:{_PIPELINE}:ro"
        program = engine.command("run", f"--name={self.container}", *context, *words, mount, image)
        log = logs / f"{self.instance}.log"
        self.child = Child(self.instance, program, log=log, environment={**os.environ, **told})

    def kill(self) -> None:
        """End the container at once, not only the client that shows it."""
        self._engine.run("rm", "--force", self.container, check=False)
        super().kill()
