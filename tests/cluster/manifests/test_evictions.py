"""Every disruption budget, asked by the real eviction API; pods are Ready where that is written, no node runs them."""

from __future__ import annotations

import pytest
from cluster.manifests.shown import SYSTEM, TENANTS, Shown
from rig.cluster.kube import Kube, Object, Refused, wait_for

SHOWN = ("overlays/dev", *TENANTS)
SERVICES = ("ingestion", "cleaning", "feature-engineering", "inference", "lake")
BUDGETS = [
    *(("headrace-default", f"flights-{service}") for service in SERVICES),
    *(("headrace-blue", f"orders-{service}") for service in SERVICES),
    *(("headrace-green", f"meters-{service}") for service in ("ingestion", "cleaning", "lake")),
    (SYSTEM, "lag"),
]


def test_every_budget_of_every_overlay_is_tried(shown: Shown) -> None:
    budgets = [each["metadata"] for each in shown.everything() if each["kind"] == "PodDisruptionBudget"]
    assert {(each["namespace"], each["name"]) for each in budgets} == set(BUDGETS)


@pytest.mark.parametrize(("place", "name"), BUDGETS)
def test_a_budget_lets_one_pod_go_and_then_none_until_another_is_ready(
    place: str, name: str, shown: Shown, control_plane: Kube
) -> None:
    # Given a workload of two pods that are ready
    shown.show(*SHOWN)
    pods = Pods(control_plane, place, name)
    pods.scale(2)
    wait_for(pods.all_made_ready, f"two pods of {name}, ready")
    wait_for(lambda: pods.may_go() == 1, "a budget that knows of both")
    first, second = pods.there()

    # When one is evicted, it goes, and the other must stay: at once, and when the budget was reckoned again
    control_plane.evict(first["metadata"]["name"], place)
    wait_for(lambda: first["metadata"]["uid"] not in pods.ids(), "the eviction")
    for _ in range(2):
        with pytest.raises(Refused) as refusal:
            control_plane.evict(second["metadata"]["name"], place)
        assert (refusal.value.status, refusal.value.reason) == (429, "TooManyRequests")
        assert "would violate the pod's disruption budget" in str(refusal.value)
        wait_for(lambda: pods.budget()["currentHealthy"] == 1 and pods.may_go() == 0, "a budget that counts again")
    assert second["metadata"]["uid"] in pods.ids()

    # When the one that came for it runs and is not ready, it may go: it holds up no drain
    wait_for(lambda: len(pods.there()) == 2, "a pod in its place")
    (other,) = (each for each in pods.there() if each["metadata"]["uid"] != second["metadata"]["uid"])
    pods.write_status(other, ready=False)
    control_plane.evict(other["metadata"]["name"], place)
    wait_for(lambda: other["metadata"]["uid"] not in pods.ids(), "the eviction of one that is not ready")

    # When another is ready, the one that had to stay may go
    wait_for(lambda: len(pods.there()) == 2 and pods.all_made_ready(), "two pods again")
    wait_for(lambda: pods.may_go() == 1, "a budget that knows of both")
    control_plane.evict(second["metadata"]["name"], place)
    wait_for(lambda: second["metadata"]["uid"] not in pods.ids(), "the eviction of the one that had to stay")


def test_a_single_pod_holds_up_no_drain(shown: Shown, control_plane: Kube) -> None:
    shown.show(*SHOWN)
    pods = Pods(control_plane, SYSTEM, "lag")
    pods.scale(1)
    wait_for(pods.all_made_ready, "one pod of lag, ready")
    wait_for(lambda: pods.may_go() == 1 and pods.budget()["expectedPods"] == 1, "a budget that knows of it")
    (only,) = pods.there()

    control_plane.evict(only["metadata"]["name"], SYSTEM)

    wait_for(lambda: only["metadata"]["uid"] not in pods.ids(), "the eviction")


class Pods:
    """The pods of the workload that has the name of its budget."""

    def __init__(self, kube: Kube, place: str, name: str) -> None:
        self._kube = kube
        self._place = place
        self._name = name
        self._wanted = 0

    def scale(self, replicas: int) -> None:
        """Have so many."""
        self._wanted = replicas
        kinds = (f"apps/v1/{kind}" for kind in ("Deployment", "StatefulSet"))
        kind = next(each for each in kinds if self._kube.find(each, self._name, self._place))
        self._kube.patch(kind, self._name, {"spec": {"replicas": replicas}}, self._place)

    def there(self) -> list[Object]:
        """Those that are there and stay."""
        selector = self._found()["spec"]["selector"]["matchLabels"]
        labels = ",".join(f"{key}={value}" for key, value in selector.items())
        found = self._kube.list("v1/Pod", self._place, labels)
        return [each for each in found if "deletionTimestamp" not in each["metadata"]]

    def ids(self) -> set[str]:
        """Who they are."""
        return {str(each["metadata"]["uid"]) for each in self.there()}

    def all_made_ready(self) -> bool:
        """Write that each is ready; whether these are all, a roll-out's among them having come to its end."""
        found = self.there()
        for each in found:
            if not any(c["type"] == "Ready" and c["status"] == "True" for c in each["status"].get("conditions") or ()):
                try:
                    self.write_status(each, ready=True)
                except Refused as refused:
                    if refused.status != 404:  # it was one too many, and has gone meanwhile
                        raise
                    return False
        return len(found) == self._wanted == self.budget().get("currentHealthy")

    def write_status(self, pod: Object, *, ready: bool) -> None:
        """Write that the pod runs, as a kubelet would."""
        conditions = [{"type": "Ready", "status": str(ready)}]
        status = {"phase": "Running", "conditions": conditions}
        self._kube.patch("v1/Pod", pod["metadata"]["name"], {"status": status}, self._place, part="status")

    def budget(self) -> Object:
        """What the budget's controller has reckoned."""
        status: Object = self._found().get("status") or {}
        return status

    def may_go(self) -> int:
        """How many may be evicted now."""
        return int(self.budget().get("disruptionsAllowed", 0))

    def _found(self) -> Object:
        return self._kube.get("policy/v1/PodDisruptionBudget", self._name, self._place)
