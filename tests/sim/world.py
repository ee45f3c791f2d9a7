"""Deployments of services in a world that goes wrong: kill, freeze, stop, start, scale, all as the seed says."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from contextvars import Context
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from headrace.lake.delta_log import DeltaLog
from headrace.runtime.exits import Exit, exit_of
from headrace.runtime.metrics import Metrics
from headrace.runtime.service import Member
from headrace.runtime.settings import Settings
from headrace.store.object_store import ObjectStore
from prometheus_client import CollectorRegistry

from sim.broker import Broker
from sim.consumer import Consumer
from sim.feed import Script
from sim.loop import CURRENT, Process, SimLoop
from sim.network import Admin, Producer, Weather, Wire
from sim.store import SharedStore, StoreView
from sim.threads import Died

_ACCEPTED = frozenset({Exit.BROKER, Exit.SEND, Exit.STUCK, Exit.STORE, Exit.DRAIN, Exit.FENCED})
"""How a process may end when the network and the store are bad; any other end is a fault of the code."""

_LIMIT = 300.0  # virtual seconds
_LOOK = 0.25
_QUIET = 1.2  # virtual seconds without an append after which everything has been said


@dataclass(slots=True)
class Node:
    """A running process of a service and what it has of the world."""

    deployment: Deployment
    number: int
    process: Process
    producer: Producer
    admin: Admin
    store: ObjectStore
    settings: Settings
    metrics: Metrics
    die: Callable[[BaseException], None]
    consumer: Any = None  # this and the member are made inside the process
    member: Member | None = None
    context: Context = field(default_factory=Context)
    fate: tuple[int, str] | None = None  # after how many steps what happens
    draining: bool = False


@dataclass(frozen=True, slots=True)
class Deployment:
    """A service: the name of its consumer group, and how a member is made in a process."""

    group: str
    build: Callable[[Node], Member]


class World:
    """One seed's world, from the first record until everything has settled."""

    def __init__(
        self, seed: int | str, topics: Mapping[str, int], deployments: Sequence[Deployment], *, threads: bool
    ) -> None:
        self.choice = random.Random(seed)
        self.weather = Weather(random.Random(f"{seed} weather"))
        self.loop = SimLoop(self.weather.delay, threads=threads)  # type: ignore[abstract]
        self.weather.clock = self.loop.time
        self.broker = Broker(self.loop, topics, random.Random(f"{seed} broker"))
        self.store = SharedStore(self.loop, lambda: self.broker.moment, random.Random(f"{seed} store"))
        self.faults: list[str] = []
        self.story: list[str] = []
        self._deployments = deployments
        self._disasters = self.choice.randint(1, 5)
        self._nodes: dict[str, Node] = {}
        self._starting = 0
        self._last_change = self.loop.time()
        self._storm_ends = self.loop.time() + self.choice.uniform(2, 5)
        self._written = False
        self._next_look = self.loop.time()
        self._stopping = False
        self._settings = _settings(self.choice)

    def run(self, script: Script) -> None:
        """Feed the script, let things happen, and stop everything once all is done."""
        with _virtual_time(self.loop):
            try:
                for written in script:
                    self.loop.outside(written.at, self.broker.append, written.place, written.value, written.headers)
                last = script[-1].at if script else 0.0
                self.loop.outside(last, self._all_written)
                for deployment in self._deployments:
                    for number in range(self.choice.randint(1, 2)):
                        self._start(deployment, number)
                if self.choice.random() < 0.4:
                    self.loop.outside(self.choice.uniform(0.3, 3), self._scale, self.choice.choice(self._deployments))
                self.loop.outside(self._storm_ends - self.loop.time(), self._calm)
                self.loop.run_until(self._settled, _LIMIT)
                if self.faults:
                    return
                self._stop_all()
                self.loop.run_until(lambda: not self._nodes, 2 * _LIMIT)
            finally:
                for node in self._nodes.values():
                    node.process.kill()
                self.loop.close()

    # Processes

    def _start(self, deployment: Deployment, number: int) -> None:
        name = f"{deployment.group}-{number}"
        process = Process(name)
        wire = Wire(self.broker, self.weather)
        settings = self._settings
        node = Node(
            deployment=deployment,
            number=number,
            process=process,
            producer=Producer(wire),
            admin=Admin(wire),
            store=StoreView(self.store),
            settings=settings,
            metrics=Metrics(CollectorRegistry()),
            die=lambda error: self._died(node, error),
        )
        node.context.run(CURRENT.set, process)
        process.after_step = lambda: self._after_step(node)
        self._nodes[name] = node
        node.fate = self._draw_fate()

        def main() -> None:
            node.consumer = Consumer(
                wire,
                deployment.group,
                name,
                session=settings.session_seconds,
                rebalance=settings.drain_seconds + settings.session_seconds,
                fetch_bytes=settings.fetch_bytes,
            )
            node.member = deployment.build(node)
            node.member.start()

        self._tell(f"{name} starts")
        self._last_change = self.loop.time()
        self.loop.call_soon(main, context=node.context)

    def _draw_fate(self) -> tuple[int, str] | None:
        if self._disasters <= 0 or not self.weather.storms:
            return None
        self._disasters -= 1
        steps = self.choice.randint(1, self.choice.choice((30, 150, 400)))
        return steps, self.choice.choice(("kill", "kill", "kill", "freeze", "freeze", "stop"))

    def _after_step(self, node: Node) -> None:
        if node.fate is None or not node.process.alive or node.process.steps < node.fate[0]:
            return
        fate, node.fate = node.fate[1], None
        if not self.weather.storms:
            return
        self._tell(f"{node.process.name}: {fate}")
        if fate == "kill":
            self._ended(node)
        elif fate == "stop":
            self._drain(node)
        else:
            node.process.frozen = True
            self.loop.outside(self.choice.choice((0.5, 3.0, 6.0, 9.0)), self._thaw, node)

    def _thaw(self, node: Node) -> None:
        if node.process.alive and node.process.frozen:
            self._tell(f"{node.process.name} wakes up")
            self._last_change = self.loop.time()
            self.loop.thaw(node.process)
            drawn = self._draw_fate()
            if drawn is not None:
                node.fate = (node.process.steps + drawn[0], drawn[1])

    def _drain(self, node: Node) -> None:
        async def drain() -> None:
            assert node.member is not None
            try:
                async with asyncio.timeout(node.settings.drain_seconds):
                    await node.member.drain()
            except TimeoutError:
                self._tell(f"{node.process.name}: the drain took too long")
            except Exception as error:  # noqa: BLE001  as `run_member` does
                self._died(node, error)
            self._ended(node)

        if not node.draining and node.member is not None:
            node.draining = True
            self.loop.create_task(drain(), context=node.context)

    def _died(self, node: Node, error: BaseException) -> None:
        """What `die` does: the process ends at once and its last words are an exit status."""
        if not node.process.alive or isinstance(error, Died):
            raise Died
        status = exit_of(error)
        self._tell(f"{node.process.name} ends with {status.name}: {error}")
        if status not in _ACCEPTED:
            self.faults.append(f"{node.process.name} ended with {status.name}: {error!r}")
        self._ended(node)
        raise Died

    def _ended(self, node: Node) -> None:
        node.process.kill()
        if self._nodes.get(node.process.name) is node:
            del self._nodes[node.process.name]
            if not self._stopping:
                self._starting += 1
                self.loop.outside(self.choice.choice((0.05, 0.5, 4.0)), self._start_again, node.deployment, node.number)

    def _start_again(self, deployment: Deployment, number: int) -> None:
        self._starting -= 1
        if not self._stopping:
            self._start(deployment, number)

    def _scale(self, deployment: Deployment) -> None:
        if self.weather.storms:
            self._tell("one more member")
            self._start(deployment, 7)

    # The end of the storm

    def _all_written(self) -> None:
        self._written = True

    def _calm(self) -> None:
        self._tell("the storm is over")
        self._last_change = self.loop.time()
        self.weather.storms = self.store.storms = False
        for node in list(self._nodes.values()):
            if node.process.frozen:
                self._thaw(node)

    def _settled(self) -> bool:
        now = self.loop.time()
        if now < self._next_look:
            return False
        self._next_look = now + _LOOK
        return bool(self.faults) or (
            not self.weather.storms
            and self._written
            and not self._starting
            and now - max(self.broker.last_append, self._last_change, self.weather.latest) > _QUIET
            and all(self.broker.group(each.group).settled for each in self._deployments)
            and all(_is_idle(node) for node in self._nodes.values())
        )

    def _stop_all(self) -> None:
        self._stopping = True
        for node in list(self._nodes.values()):
            self._drain(node)

    def _tell(self, what: str) -> None:
        self.story.append(f"{self.loop.time() - 1000:8.3f} {what}")


def _is_idle(node: Node) -> bool:
    return node.member is not None and node.member.not_ready() is None and not node.producer.unacknowledged


def _settings(choice: random.Random) -> Settings:
    return Settings.model_construct(
        pipeline=Path("sim.yaml"),
        kafka="sim",
        instance="sim",
        step_bytes=choice.choice((1, 5000, 1 << 20, 1 << 20)),
        step_rows=choice.choice((1, 4, 10_000, 10_000)),
        queue_bytes=choice.choice((1500, 5000, 1 << 20)),
        fetch_bytes=choice.choice((1500, 6000, 1 << 20)),
        message_bytes=choice.choice((2800, 3400, 1 << 20, 1 << 20)),
        batch_seconds=choice.choice((0.0, 0.1)),
        patience_seconds=choice.choice((0.1, 0.4)),
        send_seconds=3.0,
        broker_seconds=4.0,
        commit_seconds=choice.choice((0.1, 0.5)),
        snapshot_seconds=choice.choice((0.1, 0.6)),
        session_seconds=2.5,
        stuck_seconds=12.0,
        drain_seconds=3.0,
    )


@contextmanager
def _virtual_time(loop: SimLoop) -> Iterator[None]:
    """The modules that look at a clock look at the loop's; a pause between two attempts at the store takes no time."""
    clock = SimpleNamespace(monotonic=loop.time)
    with ExitStack() as stack:
        for module in ("runtime.worker", "runtime.group", "runtime.lane"):
            stack.enter_context(patch(f"headrace.{module}.time", clock))
        stack.enter_context(patch("headrace_lake.reader.time", clock))
        stack.enter_context(patch("headrace.lake.sink.DeltaLog", lambda store, root: _quick_log(store, root, loop)))
        yield


def _quick_log(store: ObjectStore, root: str, loop: SimLoop) -> DeltaLog:
    return DeltaLog(store, root, clock=loop.time, pause=lambda _: None)
