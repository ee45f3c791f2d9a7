"""The seam to `headrace.autoscale`: facts and wishes in, a decision out, with one memory for each reader."""

from __future__ import annotations

from collections.abc import Collection

from headrace.autoscale.decide import decide
from headrace.autoscale.decision import Decision
from headrace.autoscale.facts import Observation, Unread
from headrace.autoscale.memory import Memory
from headrace.autoscale.policy import Policy

from headrace_lag.lag import GroupLag, Reader
from headrace_lag.settings import ScalingSettings
from headrace_lag.workload import Workload

_START_RATE = 10_000.0  # of a service that the settings do not name


class Scaling:
    """Decides for every reader; what it has learned is lost with the process, and then nothing goes down at once."""

    def __init__(self, settings: ScalingSettings, stale_seconds: float) -> None:
        self._settings = settings
        self._stale = stale_seconds
        self._memories: dict[Reader, Memory] = {}
        self.policy(Reader("", "", ""), 1)  # a contradiction in the settings is an error of the start

    def policy(self, reader: Reader, partitions: int) -> Policy:
        """What the operator wants for a reader; raises SettingsError for wishes that contradict each other."""
        told = self._settings
        maximum = max(1, partitions) if told.maximum is None else told.maximum
        return Policy(
            maximum=maximum,
            minimum=min(told.minimum, maximum),
            start_rate_rows_s=told.start_rate.get(reader.service, _START_RATE),
            utilisation=told.utilisation,
            catch_up_s=told.catch_up_seconds,
            restart_cost_s=told.restart_cost_seconds,
            dead_band=told.dead_band,
            scale_up_window_s=told.scale_up_window_seconds,
            scale_down_window_s=told.scale_down_window_seconds,
            idle_s=told.idle_seconds,
            stale_s=self._stale,
        )

    def decide(
        self, reader: Reader, lag: GroupLag, workload: Workload | str, *, read_at: float, now: float
    ) -> Decision:
        """How many replicas; `workload` is why it could not be read where it could not."""
        if isinstance(workload, str):
            return self._decide(reader, len(lag.partitions), Unread(now, workload))
        facts = Observation(
            at_s=now,
            read_at_s=read_at,
            replicas=workload.replicas,
            ready=workload.ready,
            rolling_out=workload.rolling_out,
            rebalancing=not lag.stable,
            partitions=tuple(partition.facts for partition in lag.partitions),
        )
        return self._decide(reader, len(lag.partitions), facts)

    def unread(self, reader: Reader, why: str, now: float) -> None:
        """A look has failed: what was being measured is no longer whole."""
        self._decide(reader, 1, Unread(now, why))

    def forget(self, readers: Collection[Reader]) -> None:
        """Keep only the memories of these readers."""
        for gone in self._memories.keys() - set(readers):
            del self._memories[gone]

    def _decide(self, reader: Reader, partitions: int, facts: Observation | Unread) -> Decision:
        policy = self.policy(reader, partitions)
        decision, self._memories[reader] = decide(policy, facts, self._memories.get(reader, Memory()))
        return decision
