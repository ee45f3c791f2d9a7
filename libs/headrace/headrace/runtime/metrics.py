"""Every metric of a service, in one place: names, types and what they mean."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_STEP_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0)


class Metrics:
    """The closed list; `registry` is what /metrics shows."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.registry = registry
        place = ("topic", "partition")

        def counter(name: str, meaning: str, *labels: str) -> Counter:
            return Counter(f"headrace_{name}_total", meaning, labels, registry=registry)

        def gauge(name: str, meaning: str, *labels: str) -> Gauge:
            return Gauge(f"headrace_{name}", meaning, labels, registry=registry)

        self.messages_in = counter("messages_in", "messages taken from a topic", *place)
        self.bytes_in = counter("bytes_in", "bytes of values taken from a topic", *place)
        self.messages_out = counter("messages_out", "messages acknowledged", "topic")
        self.rows_out = counter("rows_out", "rows in acknowledged messages", "topic")
        self.bytes_out = counter("bytes_out", "bytes of acknowledged messages", "topic")
        self.rows = counter("rows", "rows by what became of them", "outcome")
        self.lag = gauge("lag_messages", "messages between the position and the end of the log", *place)
        self.position = gauge("position", "the next offset to be applied", *place)
        self.ready = gauge("ready", "1 when every assigned partition is at work")
        self.steps = Histogram(
            "headrace_step_seconds", "compute time of a step", ("topic",), buckets=_STEP_BUCKETS, registry=registry
        )

    def forget_partitions(self) -> None:
        """Say nothing more of partitions that were handed over: their next owner speaks for them."""
        self.lag.clear()
        self.position.clear()
