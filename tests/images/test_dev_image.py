"""The image for development clusters: a source that is copied into the running container takes effect."""

from __future__ import annotations

import subprocess
import tarfile
import time
from io import BytesIO
from pathlib import Path

import pytest
from headrace.local.places import PROJECT_ROOT
from headrace.local.stack import Endpoints
from rig.flights import pipeline
from rig.images.build import build
from rig.images.container import RESTRICTED, Container
from rig.images.engine import Engine
from rig.images.recipes import dev_recipe
from rig.suite import Suite

pytestmark = pytest.mark.timeout(900)
SOURCE = "services/ingestion/headrace_ingestion/stage.py"
_SECONDS = 60.0


def copy_in(docker: Engine, container: str, source: str) -> None:
    """Copy a changed source as Skaffold does: a tar stream into `tar` in the container, as the container's user."""
    content = (PROJECT_ROOT / source).read_bytes() + b"\n# saved\n"
    stream = BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as tar:
        entry = tarfile.TarInfo(f"app/code/{Path(source).parent.name}/{Path(source).name}")
        entry.size = len(content)
        tar.addfile(entry, BytesIO(content))
    unpack = docker.command("exec", "--interactive", container, "tar", "xmf", "-", "-C", "/", "--no-same-owner")
    subprocess.run(unpack, input=stream.getvalue(), check=True, timeout=60)


def test_a_source_copied_into_the_container_reloads_it(docker: Engine, endpoints: Endpoints, tmp_path: Path) -> None:
    # Given the dev image of a service at work, as restricted as its pod but for the root it can write to
    recipe = dev_recipe("ingestion")
    build(docker, recipe, print)
    with Suite(pipeline(), endpoints, tmp_path, services=()) as suite:
        service = Container(
            "ingestion",
            engine=docker,
            pipeline=suite.file,
            endpoints=endpoints,
            logs=tmp_path,
            image=recipe.reference,
            context=[word for word in RESTRICTED if word != "--read-only"],
        )
        service.start()
        try:
            service.wait_ready()
            wait_for(service, "the next start is ready")
            # When one of its sources is copied in
            copy_in(docker, service.container, SOURCE)
            wait_for(service, "started again")
            began = time.monotonic()
            # Then it has drained and is at work again
            service.wait_ready()
            print(f"the dev image is ready {time.monotonic() - began:.2f} s after the drain")
            assert "(exit status 0), started again" in service.child.log.read_text()
            # And a stop of the container still drains it
            assert service.stop() == 0
        finally:
            service.kill()


def wait_for(service: Container, words: str) -> None:
    """Wait until its log has these words."""
    deadline = time.monotonic() + _SECONDS
    while words not in service.child.log.read_text():
        assert service.child.alive, service.child.died()
        assert time.monotonic() < deadline, service.child.last_lines()
        time.sleep(0.02)
