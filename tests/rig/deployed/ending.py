"""Taking a deployed suite away from a cluster that stays."""

from __future__ import annotations

from rig.cluster.kube import wait_for
from rig.cluster.volumes import remove_volume
from rig.deployed.deployment import VOLUMES, Deployment
from rig.deployed.places import BACKING, SYSTEM, TENANT
from rig.deployed.traffic import forget_services

_METRICS = "apiregistration.k8s.io/v1/APIService"
_GONE_SECONDS = 180.0


def take_away(deployment: Deployment) -> None:
    """Return when its namespaces and volumes are gone; roles, priorities and policies stay, as an administrator's."""
    kube = deployment.kube
    kube.delete(_METRICS, "v1beta1.external.metrics.k8s.io")  # without its server it would hold up the namespaces' end
    namespaces = (TENANT, SYSTEM, BACKING)
    for name in namespaces:
        kube.delete("v1/Namespace", name)
    wait_for(lambda: not any(kube.find("v1/Namespace", name) for name in namespaces), "they are gone", _GONE_SECONDS)
    forget_services(deployment.cluster)
    for name in VOLUMES:
        remove_volume(deployment.cluster, kube, name)
