"""The poll loop: look, decide, put on the board; new clients whenever the broker has not answered."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence
from datetime import UTC, datetime

from headrace.contract.errors import BrokerRefused, BrokerUnavailable, ClusterUnavailable
from headrace.runtime import kafka

from headrace_lag.board import Board, Standing
from headrace_lag.cluster import Cluster
from headrace_lag.exposition import Exposition
from headrace_lag.lag import GroupLag, Reader
from headrace_lag.observer import Observer, Tracks
from headrace_lag.pipelines import Pipelines
from headrace_lag.reading import looker
from headrace_lag.scaling import Scaling
from headrace_lag.settings import LagSettings
from headrace_lag.targets import Target, targets
from headrace_lag.workload import Workload

_log = logging.getLogger(__name__)

_RENEW_SECONDS = 1.0


class Watch:
    """Everything that is looked at, again and again until it is cancelled."""

    def __init__(
        self, settings: LagSettings, scaling: Scaling, board: Board, shown: Exposition, cluster: Cluster | None
    ) -> None:
        self._settings = settings
        self._scaling = scaling
        self._board = board
        self._shown = shown
        self._cluster = cluster
        self._pipelines = Pipelines(settings.pipelines)
        self._tracks: Tracks = {}

    async def run(self) -> None:
        """Look every `lag_poll_seconds`; a broker that is away is asked again with new clients."""
        told = self._settings
        while True:
            try:
                async with (
                    kafka.admin(told.kafka_access, told.broker_seconds) as admin,
                    looker(told) as consumer,
                ):
                    observer = Observer(admin, consumer, told, self._tracks)
                    while True:
                        began = time.monotonic()
                        await self._look(observer)
                        await asyncio.sleep(max(0.0, told.lag_poll_seconds - (time.monotonic() - began)))
            except (BrokerRefused, BrokerUnavailable) as error:
                _log.warning("%s", error)
                wanted = await self._targets()
                self._failed([target.reader for target in wanted], str(error))
                await asyncio.sleep(_RENEW_SECONDS)

    async def _look(self, observer: Observer) -> None:
        wanted = await self._targets()
        if not wanted:
            return
        read_at, wall = time.monotonic(), datetime.now(UTC)
        seen = await observer.look(wanted)
        workloads = await self._workloads({target.reader.tenant for target in wanted})
        for reader, lag in seen.items():
            if isinstance(lag, str):
                self._failed([reader], lag)
                continue
            workload = self._workload(reader, lag, workloads)
            decision = self._scaling.decide(reader, lag, workload, read_at=read_at, now=time.monotonic())
            self._board.put(reader, Standing(read_at, wall, lag, decision))

    async def _targets(self) -> list[Target]:
        plans, broken = await asyncio.to_thread(self._pipelines.plans)
        wanted = targets(plans)
        readers = [target.reader for target in wanted]
        self._board.expect(readers, broken)
        self._scaling.forget(readers)
        return wanted

    async def _workloads(self, tenants: set[str]) -> dict[str, dict[tuple[str, str], Workload] | str]:
        """By tenant: its workloads, or why they are not known."""
        if self._cluster is None:
            return {}
        found: dict[str, dict[tuple[str, str], Workload] | str] = {}
        for tenant in tenants:
            try:
                found[tenant] = await self._cluster.workloads(f"{self._settings.lag_namespace_prefix}{tenant}")
            except ClusterUnavailable as error:
                found[tenant] = str(error)
        return found

    def _workload(
        self, reader: Reader, lag: GroupLag, workloads: dict[str, dict[tuple[str, str], Workload] | str]
    ) -> Workload | str:
        """The reader's workload; without Kubernetes, its group's members."""
        if self._cluster is None:
            return Workload(lag.members, lag.members, rolling_out=False)
        own = workloads[reader.tenant]
        if isinstance(own, str):
            return own
        return own.get((reader.pipeline, reader.service)) or (
            f"namespace {self._settings.lag_namespace_prefix}{reader.tenant} has no Deployment and no StatefulSet with"
            f" headrace.dev/pipeline={reader.pipeline} and app.kubernetes.io/name={reader.service}"
        )

    def _failed(self, readers: Sequence[Reader], why: str) -> None:
        now = time.monotonic()
        for reader in readers:
            self._board.fail(reader, why)
            self._scaling.unread(reader, why, now)
            self._shown.errors[reader] += 1
