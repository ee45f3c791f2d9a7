"""`python -m rig.failpoints <service>`: the service's own main, with failpoints and observers around its functions."""

from __future__ import annotations

import os
import sys

from rig.failpoints.become import become

if __name__ == "__main__":
    become(sys.argv[1], os.environ)
