"""The embedded stack: a real Kafka and a real S3 server under one folder, ready on enter and gone on exit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from headrace.contract.errors import StackError
from headrace.local import ports
from headrace.local.gateway import S3Server
from headrace.local.kafka import KafkaServer
from headrace.local.lock import FolderLock
from headrace.local.memory import recall
from headrace.local.places import cache_folder, make_folder
from headrace.local.provision import Programs, provision
from headrace.runtime.kafka_access import KafkaAccess
from headrace.store.s3 import S3Settings

BUCKET = "headrace"
_PORTS = ["kafka", "kafka-controller", "s3"]
_ATTEMPTS = 3  # another program can take a chosen port before our server does


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Where the stack listens: Kafka's bootstrap server `host:port`, the S3 URL `http://host:port`, keys and bucket."""

    kafka: str
    s3: str
    access_key: str
    secret_key: str = field(repr=False)
    bucket: str

    @property
    def store(self) -> S3Settings:
        """The S3 server, as clients of the suite take it."""
        return S3Settings(self.s3, self.bucket, self.access_key, self.secret_key)

    @property
    def broker(self) -> KafkaAccess:
        """The broker, as clients of the suite take it."""
        return KafkaAccess(self.kafka)

    @property
    def environment(self) -> dict[str, str]:
        """Both, as a service is told them."""
        return {
            "HEADRACE_KAFKA": self.kafka,
            "HEADRACE_S3_ENDPOINT": self.s3,
            "HEADRACE_S3_BUCKET": self.bucket,
            "HEADRACE_S3_ACCESS_KEY": self.access_key,
            "HEADRACE_S3_SECRET_KEY": self.secret_key,
        }


class Stack:
    """Kafka and S3 as child processes with data under `folder`: a context manager, or `start` and `stop`.

    `folder` keeps data, keys and ports over restarts; `cache` keeps what was fetched. Raises StackError when another
    stack runs in the folder, when a part does not come up, or when the disk is nearly full. `kafka_advertised` is the
    port to which Kafka sends its clients, for a proxy in between.
    """

    def __init__(
        self,
        folder: Path,
        *,
        cache: Path | None = None,
        kafka_advertised: int | None = None,
        on_event: Callable[[str], None] = lambda _message: None,
    ) -> None:
        self.folder = folder.resolve()
        self.logs = self.folder / "logs"
        self._cache = cache if cache is not None else cache_folder()
        self._kafka_advertised = kafka_advertised
        self._say = on_event
        self._lock = FolderLock(self.folder)
        self._kafka: KafkaServer | None = None
        self._s3: S3Server | None = None

    @property
    def kafka(self) -> KafkaServer:
        """The broker (kill, start, pause, resume); it exists once the stack was started."""
        if self._kafka is None:
            raise StackError("the stack is not started")
        return self._kafka

    @property
    def s3(self) -> S3Server:
        """The S3 server (kill, start, pause, resume); it exists once the stack was started."""
        if self._s3 is None:
            raise StackError("the stack is not started")
        return self._s3

    @property
    def endpoints(self) -> Endpoints:
        """Addresses and keys of the started stack."""
        access = self.s3.access
        return Endpoints(self.kafka.address, access.url, access.access_key, access.secret_key, access.bucket)

    @property
    def lock(self) -> int:
        """The descriptor of the folder's lock, for further children that belong to this stack."""
        return self._lock.descriptor

    def start(self) -> None:
        """Fetch what is missing, start both servers and return when both are ready; leaves nothing behind if not."""
        try:
            make_folder(self.folder)
            programs = provision(self._cache, self._say)
            self._lock.take()
            self._start(programs)
        except OSError as error:
            raise StackError(f"cannot start the stack: {error}; mend that and start again") from error

    def _start(self, programs: Programs) -> None:
        try:
            for attempt in range(1, _ATTEMPTS + 1):
                self._make_servers(programs)
                try:
                    self._bring_up()
                    return
                except StackError:
                    self.kill()
                    if attempt == _ATTEMPTS or all(map(ports.is_free, self._ports())):
                        raise
                    self._say("Another program took one of the stack's ports; trying again with other ports")
        except BaseException:  # Ctrl-C too
            self.kill()
            self._lock.release()
            raise

    def stop(self) -> None:
        """Stop both servers cleanly and free the folder."""
        try:
            if self._kafka is not None:
                self._kafka.stop()
            if self._s3 is not None:
                self._s3.stop()
        finally:
            self.kill()  # whatever an interrupted stop has left
            self._lock.release()

    def kill(self) -> None:
        """End both servers at once; their data stays."""
        if self._kafka is not None:
            self._kafka.kill()
        if self._s3 is not None:
            self._s3.kill()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _make_servers(self, programs: Programs) -> None:
        memory = recall(self.folder, _PORTS, self._say)
        self._kafka = KafkaServer(
            programs.kafka,
            self.folder / "kafka",
            log=self.logs / "kafka.log",
            port=memory.ports["kafka"],
            controller=memory.ports["kafka-controller"],
            advertised=self._kafka_advertised,
            keep_open=[self.lock],
        )
        self._s3 = S3Server(
            programs.s3,
            self.folder / "s3",
            log=self.logs / "s3.log",
            port=memory.ports["s3"],
            access_key=memory.access_key,
            secret_key=memory.secret_key,
            bucket=BUCKET,
            keep_open=[self.lock],
        )

    def _bring_up(self) -> None:
        self._say("Starting Kafka and the S3 server")
        self.s3.spawn()
        self.kafka.spawn()
        self.s3.wait()
        self.kafka.wait()
        self._say(f"Ready: Kafka at {self.kafka.address}, S3 at {self.s3.access.url}")

    def _ports(self) -> list[int]:
        return [self.kafka.port, self.kafka.controller, self.s3.port]
