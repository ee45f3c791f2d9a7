"""A service as a member of its consumer group: partitions come and go, and everything in between."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Collection, Coroutine, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from aiokafka import ConsumerRebalanceListener, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import (
    CommitFailedError,
    IllegalGenerationError,
    IllegalStateError,
    KafkaError,
    RebalanceInProgressError,
    UnknownMemberIdError,
)
from aiokafka.structs import OffsetAndMetadata

from headrace.contract.errors import BrokerUnavailable, DataLoss, Stuck
from headrace.runtime.committed import committed_offsets
from headrace.runtime.fold import Routes
from headrace.runtime.inbox import Inbox
from headrace.runtime.kafka import fetched, within
from headrace.runtime.kafka_failures import translate
from headrace.runtime.lane import Lane, Shared
from headrace.runtime.opening import Committed, Opening
from headrace.runtime.snapshot_cache import SnapshotCache
from headrace.runtime.snapshots import Snapshots
from headrace.runtime.stage import Input, Stage
from headrace.runtime.tasks import guarded
from headrace.runtime.topic_ids import Topic
from headrace.runtime.worker import Commit, Worker
from headrace.store.object_store import ObjectStore

_log = logging.getLogger(__name__)

_POLL_MS = 500
_WATCH_SECONDS = 1.0
_LOST = (CommitFailedError, IllegalGenerationError, RebalanceInProgressError, UnknownMemberIdError, IllegalStateError)


class Group(ConsumerRebalanceListener):
    """The workers of the partitions that this member owns now.

    `die` ends the process; it is how every failure ends, since work that goes on after one may skip a message.
    """

    def __init__(
        self,
        group: str,
        stage: Stage,
        topics: Mapping[str, Topic],
        routes: Routes,
        shared: Shared,
        admin: AIOKafkaAdminClient,
        store: ObjectStore,
        die: Callable[[BaseException], None],
        companions: Sequence[Callable[[], Coroutine[object, object, None]]] = (),
    ) -> None:
        self._group = group
        self._stage = stage
        self._inputs: dict[str, Input] = {source.topic: source for source in stage.inputs()}
        self._topics = topics
        self._routes = routes
        self._shared = shared
        self._settings = shared.settings
        self._admin = admin
        self._store = store
        self._die = die
        self._companions = companions
        self._threads = ThreadPoolExecutor(shared.settings.threads, thread_name_prefix="step")
        self._workers: dict[TopicPartition, tuple[Worker, asyncio.Task[None]]] = {}
        self._committed: dict[TopicPartition, Commit] = {}
        self._committing = asyncio.Lock()
        self._joined = False
        self._draining = False  # from now on nothing is taken over, whatever the group's leader says meanwhile
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Join the group and go to work."""
        self._shared.consumer.subscribe(list(self._inputs), listener=self)
        self._tasks = [
            self._guard(self._poll(), "poll"),
            self._guard(self._commit_every(), "commit"),
            self._guard(self._watch(), "watch"),
            *(self._guard(companion(), "companion") for companion in self._companions),
        ]

    def not_ready(self, *, unpublished: bool = True) -> str | None:
        """Why the service is not ready; None when every assigned partition is at work.

        What nobody has made yet (a model) counts only if `unpublished`.
        """
        if not self._joined:
            return "waiting for partitions"
        for place, (worker, _) in self._workers.items():
            if not worker.ready:
                return f"opening {place.topic} partition {place.partition}"
        waits = (self._shared.missing(topic) for topic in self._inputs)
        return next((each.what for each in waits if each is not None and (each.published or unpublished)), None)

    def _guard(self, work: Coroutine[object, object, None], name: str) -> asyncio.Task[None]:
        return guarded(work, name, self._die)

    async def drain(self) -> None:
        """Let the running turns end, save, commit, stop: what a rebalance does, and for good."""
        self._draining = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._release()
        self._threads.shutdown(wait=False)

    async def on_partitions_revoked(self, revoked: Collection[TopicPartition]) -> None:
        """Hand everything over within one budget. The library would swallow an exception from here."""
        self._joined = False
        try:
            async with asyncio.timeout(self._settings.drain_seconds):
                await self._release()
        except TimeoutError:
            seconds = self._settings.drain_seconds
            self._failed(
                Stuck(f"partitions were to be handed over, and the running turns did not end in {seconds:g} s")
            )
            raise
        except BaseException as error:  # whatever it is, half-released partitions must not go on
            self._failed(error)
            raise

    async def on_partitions_assigned(self, assigned: Collection[TopicPartition]) -> None:
        """Open the partitions, each from its own place. The library would swallow an exception from here."""
        try:
            self._shared.consumer.pause(*assigned)  # until each has been told where it begins
            await self._take_over(sorted(assigned))
            self._joined = True
        except BaseException as error:
            self._failed(error)
            raise

    async def _take_over(self, assigned: list[TopicPartition]) -> None:
        if not assigned:
            return
        seconds = self._settings.broker_seconds
        starts = await within(seconds, "log starts", self._shared.consumer.beginning_offsets(assigned))
        committed = await within(seconds, "committed offsets", self._read_committed(assigned))
        if self._draining:
            return
        for place in assigned:
            source = self._inputs[place.topic]
            opening = Opening(
                stage=self._stage,
                source=source,
                partition=place.partition,
                routes=self._routes,
                snapshots=Snapshots(
                    self._store,
                    self._stage.name,
                    place.topic,
                    self._topics[place.topic].id,
                    place.partition,
                    SnapshotCache(self._settings.state_cache),
                ),
                committed=committed.get(place),
                log_start=starts[place],
            )
            inbox = Inbox(
                self._settings.queue_bytes,
                pause=partial(self._shared.consumer.pause, place),
                resume=partial(self._shared.consumer.resume, place),
            )
            worker = Worker(opening, inbox, Lane(self._shared, place), self._settings, self._threads)
            self._workers[place] = (worker, self._guard(worker.run(), f"{place.topic}/{place.partition}"))

    async def _read_committed(self, assigned: list[TopicPartition]) -> dict[TopicPartition, Committed]:
        """Offsets with their metadata, which the consumer's own `committed` leaves out."""
        found = await committed_offsets(self._admin, self._group, assigned)
        return {place: Committed(said.offset, said.metadata) for place, said in found.items() if said.offset >= 0}

    async def _release(self) -> None:
        for worker, _ in self._workers.values():
            worker.stop()
        await asyncio.gather(*(task for _, task in self._workers.values()))
        await self._commit()
        self._workers.clear()
        self._committed.clear()
        self._shared.metrics.forget_partitions()

    async def _poll(self) -> None:
        while True:
            batches = await fetched(self._shared.consumer, _POLL_MS)
            for place, records in batches.items():
                worker, _ = self._workers.get(place, (None, None))
                # Before its own seek a partition may bring records from elsewhere: they will come again.
                if worker is not None and worker.ready:
                    if records[0].offset != worker.inbox.following:
                        await self._check_gap(place, worker.inbox.following, records[0].offset)
                    worker.inbox.put(records, records[-1].offset + 1)

    async def _check_gap(self, place: TopicPartition, following: int, found: int) -> None:
        """Offsets may be missing where a transaction ended or a log was compacted, but not because they were deleted.

        The library goes to the start of the log by itself when what it is to read is gone.
        """
        what = f"the start of {place.topic}"
        starts = await within(self._settings.broker_seconds, what, self._shared.consumer.beginning_offsets([place]))
        if found < following or starts[place] > following:
            raise DataLoss(
                f"{place.topic} partition {place.partition}: {following} was to be read next, and the log goes on at"
                f" {found}: what lies between was deleted before it was read, or the topic was created again"
            )

    async def _commit_every(self) -> None:
        while True:
            await asyncio.sleep(self._settings.commit_seconds)
            await self._commit()

    async def _commit(self) -> None:
        """Commit what is committable and new; a partition that was lost in between is its new owner's to commit.

        One at a time: the library tries a commit again after a transient error, and an older one that comes after a
        newer one, or after the next rebalance, would take the offset back.
        """
        async with self._committing:
            due = {
                place: worker.commit
                for place, (worker, _) in self._workers.items()
                if worker.commit is not None and worker.commit != self._committed.get(place)
            }
            if not due:
                return
            offsets = {place: OffsetAndMetadata(commit.offset, commit.metadata) for place, commit in due.items()}
            try:
                async with asyncio.timeout(self._settings.broker_seconds):
                    await self._shared.consumer.commit(offsets)
            except _LOST as error:
                _log.warning("a commit came too late for its partitions: %r", error)
            except TimeoutError as error:
                raise BrokerUnavailable(f"commit: {error!r}") from error
            except KafkaError as error:
                raise translate(error, "commit") from error
            else:
                self._committed |= due

    async def _watch(self) -> None:
        """Each partition on its own: one that is stuck must not hide behind others that are not."""
        while True:
            await asyncio.sleep(_WATCH_SECONDS)
            for place, (worker, _) in list(self._workers.items()):
                labels = (place.topic, str(place.partition))
                end = self._shared.consumer.highwater(place)
                waiting = end is not None and end > worker.position
                self._shared.metrics.position.labels(*labels).set(worker.position)
                self._shared.metrics.lag.labels(*labels).set(max(0, (end or 0) - worker.position))
                silent = time.monotonic() - worker.last_progress
                if (worker.busy or (waiting and worker.ready)) and silent > self._settings.stuck_seconds:
                    raise Stuck(
                        f"{place.topic} partition {place.partition} has been at {worker.position} for {silent:.0f} s,"
                        f" {worker.doing}, while the log ends at {end}"
                    )
            self._shared.metrics.ready.set(self.not_ready() is None)

    def _failed(self, error: BaseException) -> None:
        """A rebalance failed; one that the stop of the consumer cut short has not."""
        if not (self._draining and isinstance(error, asyncio.CancelledError)):
            self._die(error)
