"""Records through a suite on the rig's own cluster, sent and counted with the cluster's network and names."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass

from headrace.local.places import PROJECT_ROOT

from rig.cluster.cluster import Cluster
from rig.cluster.kube import Kube, wait_for
from rig.deployed.places import BACKING, KAFKA, S3

_COUNT_SECONDS = 2.0


@dataclass(slots=True, kw_only=True)
class Traffic:
    """`keys` are the S3 server's access key and secret key, `sent` the records sent so far."""

    cluster: Cluster
    keys: tuple[str, str]
    sent: int = 0

    def inside(self, module: str, *words: str, seconds: float = 300.0) -> str:
        """Run a module of this checkout with the cluster's network and names; returns what it printed."""
        settings = {
            "PYTHONPATH": str(PROJECT_ROOT / "tests"),
            "HEADRACE_KAFKA": KAFKA,
            "HEADRACE_S3_ENDPOINT": S3,
            "HEADRACE_S3_BUCKET": "headrace",
            "HEADRACE_S3_ACCESS_KEY": self.keys[0],
            "HEADRACE_S3_SECRET_KEY": self.keys[1],
        }
        told = [f"{name}={value}" for name, value in settings.items()]
        return self.cluster.run("env", *told, sys.executable, "-m", module, *words, seconds=seconds)

    def feed(self, count: int, rate: float) -> None:
        """Send the next records, `rate` a second, and return when all are acknowledged."""
        self.inside("rig.deployed.feed", *map(str, (self.sent, count, rate)), seconds=900.0)
        self.sent += count

    def counted(self) -> dict[str, int]:
        """Rows in the lake's first tables and in its quarantine; AssertionError when a record is there twice."""
        told: dict[str, int] = json.loads(self.inside("rig.deployed.count"))
        records = told.pop("records")
        assert sum(told.values()) == records, f"{told} rows of {records} records"
        return told

    def wait_all_counted(self, seconds: float = 300.0) -> float:
        """Return when every record that was sent is in the lake or in its quarantine, once, and after what time."""
        return self.wait_counted(lambda: sum(self.counted().values()) == self.sent, "all are in the lake", seconds)

    def wait_counted(self, true: Callable[[], bool], what: str, seconds: float) -> float:
        """Wait for something that is counted, which takes a second of a core each time."""
        return wait_for(true, what, seconds, every=_COUNT_SECONDS)


def name_services(cluster: Cluster, kube: Kube) -> None:
    """Name the backing services for programs of the host in the cluster's network, whose resolver is the host's."""
    addresses = {name: kube.get("v1/Service", name, BACKING)["spec"]["clusterIP"] for name in ("kafka", "s3")}
    hosts = cluster.folder / "hosts"
    named = [f"{address} {name}.{BACKING}.svc\n" for name, address in addresses.items()]
    hosts.write_text("".join(["127.0.0.1 localhost\n", *named]))
    cluster.run("mount", "--bind", str(hosts), "/etc/hosts")


def forget_services(cluster: Cluster) -> None:
    """Take the names away again."""
    cluster.run("umount", "/etc/hosts")
