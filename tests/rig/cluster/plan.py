"""What a cluster is made of, as the process that prepares it tells it to the ones that run it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

_FILE = "plan.json"


@dataclass(frozen=True, slots=True)
class Plan:
    """A cluster in `folder`; `node` says whether pods can run, `images` are the archives that its node has.

    `listener` and `progress` are descriptors that the cluster's processes inherit: the socket at which the host reaches
    the API server, and the pipe that says how far the start has come.
    """

    folder: Path
    kubernetes: Path
    debian: Path | None  # only with a node
    images: tuple[Path, ...]
    cgroup: str
    listener: int
    progress: int

    @property
    def node(self) -> bool:
        """Whether there is a node."""
        return self.debian is not None

    def write(self) -> None:
        """Write it into its folder."""
        (self.folder / _FILE).write_text(json.dumps(asdict(self), default=str))

    @classmethod
    def read(cls, folder: Path) -> Plan:
        """What was written into `folder`."""
        told = json.loads((folder / _FILE).read_text())
        return cls(
            folder=Path(told["folder"]),
            kubernetes=Path(told["kubernetes"]),
            debian=Path(told["debian"]) if told["debian"] is not None else None,
            images=tuple(map(Path, told["images"])),
            cgroup=told["cgroup"],
            listener=told["listener"],
            progress=told["progress"],
        )
