"""kubeconform: rendered manifests against the schemas, strictly."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

from headrace.manifests.kustomize import go_tool

from rig.manifests.schemas import VERSION, schemas_ready

_MODULE = Path(__file__).with_name("kubeconform")  # go.mod and go.sum pin it
_PACKAGE = "github.com/yannh/kubeconform/cmd/kubeconform"
_OLDEST_GO = (1, 26)  # the `go` line of go.mod


class Kubeconform:
    """The program and its schemas, built and made first where they are not in the cache."""

    def __init__(self, cache: Path, say: Callable[[str], None]) -> None:
        self._program = go_tool(cache, "kubeconform", _MODULE, _PACKAGE, _OLDEST_GO, say)
        self._schemas = schemas_ready(cache, say)

    def problems(self, files: Sequence[Path]) -> list[str]:
        """What does not fit its schema, or has none, with its file, kind and name."""
        location = f"{self._schemas}/{{{{.ResourceKind}}}}{{{{.KindSuffix}}}}.json"
        version = VERSION.removeprefix("v")
        options = ["-strict", "-output", "json", "-kubernetes-version", version, "-schema-location", location]
        done = subprocess.run(
            [str(self._program), *options, *map(str, files)], capture_output=True, text=True, timeout=300, check=False
        )
        told = json.loads(done.stdout)["resources"]
        return [
            f"{Path(each['filename']).name}: {each['kind']} {each['name']}: {each['msg']}"
            for each in told
            if each["status"] in ("statusInvalid", "statusError", "statusSkipped")
        ]
