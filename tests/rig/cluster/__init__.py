"""A real Kubernetes on this machine, of one node, without a container registry: built once from pinned Go modules.

etcd, API server, controller manager, scheduler, kubelet, kube-proxy and containerd run in namespaces of their own
(mount, network, pid, uts, ipc), whose first process is `rig.cluster.inside`; when that one dies, all of it is gone.
"""
