"""The cluster's addresses, of the range that is set aside for tests of networks (RFC 2544), in a network of its own."""

from __future__ import annotations

NODE = "lab"  # the node's name
NODE_ADDRESS = "198.18.0.1"
NODE_NETWORK = f"{NODE_ADDRESS}/24"
PODS = "198.18.64.0/18"
NODE_PODS = "198.18.64.0/24"
SERVICES = "198.18.128.0/20"
API_SERVICE = "198.18.128.1"
DNS_SERVICE = "198.18.128.10"
DOMAIN = "cluster.local"
API_PORT = 6443
ETCD = "http://127.0.0.1:2379"
