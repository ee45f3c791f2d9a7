"""A real Apache Kafka broker (KRaft, one node, small heap) as a child process."""

from __future__ import annotations

import base64
import os
import secrets
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from headrace.contract.errors import StackError
from headrace.local.child import Child
from headrace.local.java import Java
from headrace.local.ports import LOOPBACK
from headrace.local.probes import wait_for_kafka

# Small heap, the simple collector and compiler: a laptop's broker starts in seconds and lives in about 200 MB.
_JVM = [
    "-Xms128m",
    "-Xmx384m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-XX:MaxDirectMemorySize=256m",
    "-XX:-UsePerfData",
    f"-Dlog4j2.configurationFile={Path(__file__).with_name('log4j2.xml')}",
    "-Dlog4j2.disableJmx=true",
]
_STOP_SECONDS = 20.0  # a clean stop takes 1 to 2 s, 5 when the class archive is written

_SETTINGS = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@{host}:{controller}
listeners=PLAINTEXT://{host}:{port},CONTROLLER://{host}:{controller}
advertised.listeners=PLAINTEXT://{host}:{advertised}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
log.dirs={data}
auto.create.topics.enable=false
# one node: every internal topic has one replica
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
# quick to form groups
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=2000
# how long it waits for itself after kill -9 (9 s by default); less, and a busy machine's broker is taken for dead
broker.session.timeout.ms=5000
broker.heartbeat.interval.ms=500
# small buffers and few threads
num.network.threads=2
num.io.threads=2
background.threads=2
log.cleaner.threads=1
log.cleaner.dedupe.buffer.size=8388608
log.segment.bytes=268435456
log.index.size.max.bytes=1048576
message.max.bytes=8388608
"""


@dataclass(frozen=True, slots=True)
class KafkaProgram:
    """What a broker is run from: a Java runtime and the checked jars."""

    java: Java
    jars: Sequence[Path]

    @property
    def class_path(self) -> str:
        """The jars in pin order: the class archive is valid only for this very string."""
        return os.pathsep.join(str(jar) for jar in self.jars)

    @property
    def class_archive(self) -> Path:
        """Where the archive of parsed classes lies, which halves the broker's start (4.8 to 2.3 s)."""
        return self.jars[0].parent / f"classes-{self.java.build}.jsa"


class KafkaServer:
    """One broker with its data under `folder`; it keeps its data and its ports over stop, kill and start."""

    def __init__(
        self,
        program: KafkaProgram,
        folder: Path,
        *,
        log: Path,
        port: int,
        controller: int,
        advertised: int | None = None,
        keep_open: Sequence[int] = (),
        settings: str = "",
        format_options: Sequence[str] = (),
    ) -> None:
        self.port = port
        self._advertised = port if advertised is None else advertised  # where clients are sent: a proxy in tests
        self.folder = folder
        self._program = program
        self._log = log
        self.controller = controller
        self._keep_open = keep_open
        self._settings = folder / "server.properties"
        self._more_settings = settings  # lines of server.properties that go before the usual ones
        self._format_options = format_options
        self._new_archive: Path | None = None
        self.child = Child("kafka", [], log=log)

    @property
    def address(self) -> str:
        """The bootstrap server, `host:port`."""
        return f"{LOOPBACK}:{self.port}"

    def start(self) -> None:
        """Start the broker and return when it accepts a produce; raises StackError when it does not."""
        self.spawn()
        self.wait()

    def spawn(self) -> None:
        """Start the broker without waiting for it; formats the data folder the first time."""
        data = self.folder / "data"
        data.mkdir(parents=True, exist_ok=True)
        self._settings.write_text(
            _SETTINGS.format(
                host=LOOPBACK, port=self.port, controller=self.controller, advertised=self._advertised, data=data
            )
            + self._more_settings
        )
        if not (data / "meta.properties").exists():
            self._format()
        self.child = Child(
            "kafka",
            [*self._java(), *self._archive_options(), "kafka.Kafka", str(self._settings)],
            log=self._log,
            keep_open=self._keep_open,
        )
        self.child.start()

    def wait(self) -> None:
        """Return when the broker accepts a produce with acks=all; raises StackError when it ends or takes too long."""
        wait_for_kafka(self.child, self.port)

    def stop(self) -> None:
        """Stop the broker cleanly; the first clean stop also leaves the class archive for later starts."""
        self.child.stop(_STOP_SECONDS)
        if self._new_archive is not None and self._new_archive.exists():
            self._new_archive.replace(self._program.class_archive)
        self._new_archive = None

    def kill(self) -> None:
        """End the broker at once, as a crash would."""
        self.child.kill()
        if self._new_archive is not None:
            self._new_archive.unlink(missing_ok=True)
            self._new_archive = None

    def pause(self) -> None:
        """Freeze the broker: connections stay open and nothing answers."""
        self.child.pause()

    def resume(self) -> None:
        """Let a frozen broker go on."""
        self.child.resume()

    def _java(self) -> list[str]:
        return [str(self._program.java.program), *_JVM, "-cp", self._program.class_path]

    def _archive_options(self) -> list[str]:
        archive = self._program.class_archive
        if archive.exists():
            return [f"-XX:SharedArchiveFile={archive}"]
        self._new_archive = archive.with_suffix(f".{os.getpid()}-{self.port}")  # moved into place when it is whole
        return [f"-XX:ArchiveClassesAtExit={self._new_archive}"]

    def _format(self) -> None:
        tool = [*self._java(), "kafka.tools.StorageTool", "format", "-c", str(self._settings)]
        command = [*tool, "-t", _cluster_id(), *self._format_options]
        try:
            subprocess.run(command, check=True, capture_output=True, text=True, timeout=60)  # noqa: S603  no shell
        except subprocess.SubprocessError as error:
            said = getattr(error, "stderr", None) or getattr(error, "output", None) or str(error)
            raise StackError(f"cannot format Kafka's data folder {self.folder}: {str(said).strip()}") from error


def _cluster_id() -> str:
    """A new cluster id: 16 random bytes in URL-safe base64; the tool takes a leading `-` for an option."""
    while True:
        name = base64.urlsafe_b64encode(secrets.token_bytes(16)).decode().rstrip("=")
        if not name.startswith("-"):
            return name
