"""What Skaffold asks of kind, for the rig's cluster: `kind load docker-image --name NAME IMAGE`.

KIND_CLUSTER is the folder of the cluster. Nothing else of kind is played.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from rig.cluster.cluster import Cluster


def main() -> None:
    """Bring an image of the Docker daemon to the node."""
    if sys.argv[1:3] != ["load", "docker-image"]:
        sys.exit(f"kind {' '.join(sys.argv[1:])}: not played")
    folder = Path(os.environ["KIND_CLUSTER"])
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        archive = Path(scratch) / "image.tar"
        subprocess.run(["docker", "save", "--output", str(archive), sys.argv[-1]], check=True)
        Cluster(folder).load([archive])


if __name__ == "__main__":
    main()
