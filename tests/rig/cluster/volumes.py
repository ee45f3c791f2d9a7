"""Volumes made by hand: folders of the node that are there before anybody claims them."""

from __future__ import annotations

import shutil

from rig.cluster.cluster import Cluster
from rig.cluster.kube import Kube
from rig.cluster.namespaces import VOLUMES

STORAGE_CLASS = "manual"  # of manifests/control-plane.yaml; the default


def make_volume(cluster: Cluster, kube: Kube, name: str, size: str = "1Gi") -> None:
    """Make a PersistentVolume that the scheduler may bind to any claim up to `size`; every user may write to it."""
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
                "accessModes": ["ReadWriteOnce"],
                "storageClassName": STORAGE_CLASS,
                "persistentVolumeReclaimPolicy": "Retain",
                "hostPath": {"path": f"{VOLUMES}/{name}", "type": "Directory"},
            },
        }
    )


def remove_volume(cluster: Cluster, kube: Kube, name: str) -> None:
    """Take away a volume that nobody claims any more, with what is in it."""
    kube.delete("v1/PersistentVolume", name)
    shutil.rmtree(cluster.folder / "volumes" / name)
