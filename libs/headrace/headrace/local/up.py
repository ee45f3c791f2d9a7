"""A stack and the services of one pipeline, run in the foreground until somebody ends them."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from headrace.contract.topic_list import plan_topics
from headrace.local.endings import as_ctrl_c
from headrace.local.services import Services
from headrace.local.stack import Stack
from headrace.local.topics import create_topics
from headrace.local.watch import Watch
from headrace.runtime.pipeline_file import read_plan
from headrace.runtime.readers import SERVICES

_LOOK_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Pipeline:
    """A pipeline file that was read and found right, and the topics it needs (name: partitions)."""

    file: Path
    topics: dict[str, int]


def read_pipeline(file: Path) -> Pipeline:
    """Read a pipeline file; raises UserError that says everything that is wrong with it."""
    return Pipeline(file.resolve(), plan_topics(read_plan(file)))


def run_stack(folder: Path, pipeline: Pipeline | None, say: Callable[[str], None], up: Callable[[], object]) -> None:
    """Run Kafka, S3 and (given a pipeline) its services until Ctrl-C or SIGTERM; calls `up` once all are started.

    A service that ends by itself is started again, as a cluster would, except where its user must mend something
    first. Raises StackError when Kafka or S3 end or do not start; whatever happens, no process is left behind.
    """
    with as_ctrl_c(), ExitStack() as running:
        try:
            stack = running.enter_context(Stack(folder, on_event=say))
            services = running.enter_context(_services(stack, pipeline, say)) if pipeline is not None else None
            watch = Watch([stack.kafka.child, stack.s3.child], services, say)
            up()
            while True:
                watch.look()
                time.sleep(_LOOK_SECONDS)
        except KeyboardInterrupt:
            say("Ending: the services hand over, then Kafka and the S3 server stop")


def _services(stack: Stack, pipeline: Pipeline, say: Callable[[str], None]) -> Services:
    created = create_topics(stack.endpoints.kafka, pipeline.topics)
    say(f"Topics: {len(created)} created, {len(pipeline.topics) - len(created)} were there")
    say(f"Starting {', '.join(SERVICES)}")
    return Services(
        dict.fromkeys(SERVICES, 1),
        pipeline=pipeline.file,
        endpoints=stack.endpoints,
        logs=stack.logs,
        keep_open=(stack.lock,),
    )
