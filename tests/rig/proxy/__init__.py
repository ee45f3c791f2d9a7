"""A fault proxy on the loopback address: TCP for Kafka, HTTP for S3, broken by the driver while it runs.

`ProxyThread` runs both in a thread of their own. What goes wrong by chance follows from the seed.
"""

from rig.proxy.http import HttpFault, HttpProxy
from rig.proxy.tcp import TcpFault, TcpProxy
from rig.proxy.thread import ProxyThread

__all__ = ["HttpFault", "HttpProxy", "ProxyThread", "TcpFault", "TcpProxy"]
