"""The suite in containers, each as restricted as its pod: real flights from raw topics to the lake."""

from __future__ import annotations

import json
import subprocess
import time
from functools import partial
from pathlib import Path

import polars as pl
import pytest
from headrace.local.child import Child
from headrace.local.ports import LOOPBACK, choose
from headrace.local.probes import wait_for_kafka
from headrace.local.stack import Endpoints
from headrace.models.registry import Registry
from headrace.store.s3 import S3Store
from rig.campaign.model import publish
from rig.flights import february, pipeline, send
from rig.images.catalog import Catalog
from rig.images.container import RESTRICTED, Container
from rig.images.engine import Engine
from rig.images.recipes import JOBS, REPOSITORY, service_names
from rig.judge import judge
from rig.lake import lake_rows
from rig.suite import Suite

SERVICES = ("ingestion", "cleaning", "feature_engineering", "inference", "lake")
PREDICTION = "late_at_departure"
pytestmark = pytest.mark.timeout(900)  # the first of them may build the images


def test_flights_go_through_containers_to_the_lake(docker: Engine, endpoints: Endpoints, tmp_path: Path) -> None:
    # Given every service in a container of its image, on a read-only root, without capabilities, as nobody's user
    store = S3Store(endpoints.store)

    def model_first(suite: Suite) -> None:
        publish(suite.plan, PREDICTION, Registry(store, suite.plan.pipeline.tenant), seed=1, picky=False)

    make = partial(Container, engine=docker)
    quick = {"HEADRACE_LAKE_FLUSH_SECONDS": "2"}
    suite = Suite(pipeline(), endpoints, tmp_path, services=SERVICES, settings=quick, backlog=model_first, make=make)
    with suite:  # all become ready, and at its end each is told to stop and must drain: exit status 0
        # When a week of flights is sent
        week = february().head(6000)
        send(suite, week)
        # Then every departure has its prediction, once, and the lake has the same rows
        departures = week.filter(pl.col("stream") == "departures").height
        topic = suite.plan.topics.predictions(PREDICTION)
        suite.until(lambda: judge(endpoints.kafka, topic).rows.total() >= departures, f"{departures} predictions")
        verdict = judge(endpoints.kafka, topic)
        assert (verdict.rows.total(), verdict.doubled) == (departures, 0)
        suite.until(lambda: lake_rows(suite, f"predictions/{PREDICTION}") == verdict.rows, "predictions in the lake")


@pytest.fixture(scope="module")
def applied(endpoints: Endpoints, tmp_path_factory: pytest.TempPathFactory) -> Suite:
    """A pipeline whose topics and model are there, and none of whose services runs."""
    suite = Suite(pipeline(), endpoints, tmp_path_factory.mktemp("applied"), services=())
    with suite:
        publish(
            suite.plan, PREDICTION, Registry(S3Store(endpoints.store), suite.plan.pipeline.tenant), seed=1, picky=False
        )
    return suite


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_becomes_ready_and_drains(docker: Engine, applied: Suite, tmp_path: Path, service: str) -> None:
    # Given a container of one service
    told = Container(service, engine=docker, pipeline=applied.file, endpoints=applied.endpoints, logs=tmp_path)
    began = time.monotonic()
    told.start()
    try:
        # Then it becomes ready
        told.wait_ready()
        print(f"{service}: ready {time.monotonic() - began:.1f} s after its start")
        # And when it is told to stop, it drains and ends as one that has handed over everything
        assert told.stop() == 0
    finally:
        told.kill()


@pytest.mark.parametrize("service", service_names())
def test_what_a_service_says_without_its_settings(docker: Engine, service: str) -> None:
    # When a container is started that is told nothing
    done = run(docker, service)
    # Then it says what it lacks and that this is for its user to mend
    assert done.returncode == 2
    assert "HEADRACE_KAFKA (bootstrap servers, host:port[,host:port...]) is not set" in done.stderr


def test_the_command_line_in_its_image(docker: Engine) -> None:
    # The image of the jobs has every command, and what training needs
    assert "train" in run(docker, "headrace-cli", "--help").stdout
    imported = python(docker, "headrace-cli", "import headrace.models.training, headrace.lake.read; print('imported')")
    assert imported == "imported"


@pytest.mark.parametrize("service", [*service_names(), JOBS])
def test_what_an_image_lets_a_process_do(docker: Engine, service: str) -> None:
    # Given a process in the image as its pod runs it
    said = python(
        docker,
        service,
        "import json, os, ssl, tempfile, zoneinfo\n"
        "def writable(folder):\n"
        "    try: tempfile.TemporaryFile(dir=folder).close()\n"
        "    except OSError: return False\n"
        "    return True\n"
        "capabilities = next(line.split()[1] for line in open('/proc/self/status') if line.startswith('CapEff'))\n"
        "folders = [folder for folder in ('/', '/app', '/app/code', '/tmp', '/etc') if writable(folder)]\n"
        "print(json.dumps([os.getuid(), capabilities, folders,\n"
        "    len(ssl.create_default_context().get_ca_certs()) > 100, str(zoneinfo.ZoneInfo('America/New_York'))]))",
    )
    # Then it is nobody, may do nothing, can write to /tmp alone, and has certificates and time zones
    assert json.loads(said) == [10001, "0000000000000000", ["/tmp"], True, "America/New_York"]


def test_the_kernel_comes_compiled(docker: Engine) -> None:
    # When the kernel is asked for on a read-only root
    code = "from headrace.features.kernel import compiled; told = compiled().stats; print(*map(len, told[1:]))"
    # Then it is loaded from the image (one hit), not compiled (no miss)
    assert python(docker, "feature-engineering", code) == "1 0"


def test_the_broker_for_development(docker: Engine, tmp_path: Path) -> None:
    # Given the image of the small Kafka under the same restrictions, on two free ports of the loopback address
    port, controller = choose(), choose()
    extra = tmp_path / "extra.properties"
    extra.write_text(
        f"listeners=PLAINTEXT://{LOOPBACK}:{port},CONTROLLER://{LOOPBACK}:{controller}\n"
        f"controller.quorum.voters=1@{LOOPBACK}:{controller}\n"
    )
    told = [f"--volume={extra}:/etc/kafka/extra.properties:ro", f"--env=KAFKA_ADVERTISED={LOOPBACK}:{port}"]
    name = f"dev-kafka-{port}"
    words = ["run", f"--name={name}", *RESTRICTED, *told, f"{REPOSITORY}/dev-kafka:dev"]
    broker = Child("dev-kafka", docker.command(*words), log=tmp_path / "kafka.log")
    broker.start()
    try:
        # Then it accepts a produce
        began = time.monotonic()
        wait_for_kafka(broker, port)
        print(f"dev-kafka accepts a produce after {time.monotonic() - began:.1f} s")
        # And stops cleanly when it is told to
        assert broker.stop(30.0) == 143  # what a Java that was sent SIGTERM ends with
    finally:
        docker.run("rm", "--force", name, check=False)
        broker.kill()


def test_nothing_is_left_to_chance_about_what_ran(docker: Engine, images: Catalog) -> None:
    # The containers above ran the very images that the archive holds
    for image in images:
        assert docker.image_id(image.reference) == image.config


def run(docker: Engine, service: str, *words: str) -> subprocess.CompletedProcess[str]:
    """Run an image to its end."""
    return docker.run("run", *RESTRICTED, f"{REPOSITORY}/{service}:dev", *words, check=False)


def python(docker: Engine, service: str, code: str) -> str:
    """What a piece of Python prints in an image."""
    words = ["run", *RESTRICTED, "--entrypoint=/app/.venv/bin/python", f"{REPOSITORY}/{service}:dev", "-c", code]
    return docker.run(*words).stdout.strip()
