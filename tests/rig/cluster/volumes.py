"""Volumes made by hand: folders of the node that are there before anybody claims them."""

from __future__ import annotations

from rig.cluster.cluster import Cluster
from rig.cluster.kube import Kube
from rig.cluster.namespaces import VOLUMES

STORAGE_CLASS = "manual"  # of manifests/control-plane.yaml; the default


def make_volume(cluster: Cluster, kube: Kube, name: str, size: str = "1Gi", access: str = "ReadWriteOnce") -> None:
    """Make a PersistentVolume for claims up to `size` that ask for this access; every user may write to it."""
    folder = cluster.folder / "volumes" / name
    folder.mkdir()
    folder.chmod(0o777)  # a hostPath does not follow a pod's fsGroup
    kube.apply(
        {
            "apiVersion": "v1",
            "kind": "PersistentVolume",
            "metadata": {"name": name},
            "spec": {
                "capacity": {"storage": size},
                "accessModes": [access],
                "storageClassName": STORAGE_CLASS,
                "persistentVolumeReclaimPolicy": "Retain",
                "hostPath": {"path": f"{VOLUMES}/{name}", "type": "Directory"},
            },
        }
    )
