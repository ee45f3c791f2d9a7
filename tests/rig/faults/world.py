"""Everything that a campaign breaks, up and running: broker, store, proxies, services, and the topics and the model."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from headrace.contract.load import load_pipeline
from headrace.contract.plan import Plan, make_plan
from headrace.contract.topic_list import plan_topics
from headrace.local.ports import LOOPBACK
from headrace.local.stack import Endpoints, Stack
from headrace.local.topics import create_topics
from headrace.models.registry import Registry
from headrace.store.s3 import S3Store

from rig.campaign.model import publish
from rig.campaign.run import PREDICTION, pipeline
from rig.failpoints.points import SERVICES
from rig.faults.disk import small_disk
from rig.faults.fault import Schedule
from rig.faults.fleet import Fleet
from rig.judgement.facts import Facts, facts_of
from rig.proxy import ProxyThread

SESSION_SECONDS = 5.0
# Everything is to happen often, and nothing is to be waited for longer than a fault lasts.
SETTINGS = {
    "HEADRACE_SESSION_SECONDS": str(SESSION_SECONDS),
    "HEADRACE_COMMIT_SECONDS": "0.5",
    "HEADRACE_SNAPSHOT_SECONDS": "2",
    "HEADRACE_LAKE_FLUSH_SECONDS": "3",
    "HEADRACE_MODEL_POLL_SECONDS": "1",
    "HEADRACE_SEND_SECONDS": "10",
    "HEADRACE_BROKER_SECONDS": "10",
    "HEADRACE_STUCK_SECONDS": "20",
    "HEADRACE_DRAIN_SECONDS": "8",
}
# MiB of a small disk at first, and MiB for each second of a schedule: what waits to be judged stays on it.
_DISKS = {"s3": (768, 0.3), "kafka": (1536, 1.0)}


@dataclass(frozen=True, slots=True)
class World:
    """The parts of a run; `folder` holds logs, boards and events."""

    folder: Path
    stack: Stack
    proxies: ProxyThread
    fleet: Fleet
    plan: Plan
    facts: Facts

    @property
    def endpoints(self) -> Endpoints:
        """Where broker and store are, without the store's proxy."""
        return self.stack.endpoints

    def disk(self, part: str) -> Path:
        """The folder of the small disk of `s3` or `kafka`."""
        return self.stack.folder / part


@contextmanager
def world(folder: Path, schedule: Schedule, say: Callable[[str], None]) -> Iterator[World]:
    """Bring everything up, ready for rows, and take it all down again, whatever happens in between."""
    with ExitStack() as open_:
        state = folder / "state"
        for fault in schedule.faults:
            if fault.kind == "disk_full" and not (state / fault.target).is_mount():
                first, growth = _DISKS[fault.target]
                size = first + int(growth * schedule.faults[-1].at)
                open_.enter_context(small_disk(state / fault.target, size))
        made: list[Stack] = []
        proxies = open_.enter_context(
            ProxyThread(lambda: made[0].kafka.port, lambda: _port(made[0].endpoints.s3), SERVICES, schedule.seed)
        )
        text = pipeline()
        file = folder / "pipeline.yaml"
        folder.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        plan = make_plan(load_pipeline(text, str(file)))
        services = folder / "services"
        services.mkdir(exist_ok=True)
        fleet = open_.enter_context(
            Fleet(SERVICES, lambda service: _told(service, file, made[0].endpoints, proxies), services)
        )
        made.append(Stack(state, kafka_advertised=proxies.kafka_port, on_event=say))
        open_.enter_context(made[0])
        open_.callback(fleet.close)  # before the stack is gone
        endpoints = made[0].endpoints
        create_topics(endpoints.kafka, plan_topics(plan))
        store = S3Store(endpoints.store)
        publish(plan, PREDICTION, Registry(store, plan.pipeline.tenant), seed=1)
        say("Importing the services")
        fleet.wait_for_zygotes()
        for service in SERVICES:
            fleet.start(f"{service}-0")
        fleet.wait_ready([f"{service}-0" for service in SERVICES])
        yield World(services, made[0], proxies, fleet, plan, facts_of(text))


def _told(service: str, file: Path, endpoints: Endpoints, proxies: ProxyThread) -> Mapping[str, str]:
    return {
        **endpoints.environment,
        "HEADRACE_PIPELINE": str(file),
        "HEADRACE_KAFKA": f"{LOOPBACK}:{proxies.kafka_port}",
        "HEADRACE_S3_ENDPOINT": f"http://{LOOPBACK}:{proxies.s3_ports[service]}",
        **SETTINGS,
    }


def _port(url: str) -> int:
    return int(url.rpartition(":")[2])
