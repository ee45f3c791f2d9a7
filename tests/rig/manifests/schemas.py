"""JSON Schemas of every kind that the manifests use: Kubernetes' own, and those of other projects' resources.

Kubernetes' come from the PyPI package kubernetes-validate, the others from the CustomResourceDefinitions in the Go
modules of their projects; both pinned by hash. Made once, into the cache.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from headrace.contract.errors import StackError
from headrace.local.go import go_ready
from headrace.local.places import PROJECT_ROOT
from headrace.local.tools import tool_folder

VERSION = "v1.37.0"
"""The Kubernetes that the manifests are for."""

_PINS = Path(__file__).with_name("crds.sum")  # module, version and hash of its sources, as go.sum has them
_CRDS = {
    "github.com/external-secrets/external-secrets": "config/crds/bases/external-secrets.io_*.yaml",
    "github.com/kedacore/keda/v2": "config/crd/bases/keda.sh_*.yaml",
    "github.com/prometheus-operator/prometheus-operator": "example/prometheus-operator-crd/*s.yaml",
    "sigs.k8s.io/gateway-api": "config/crd/standard/gateway.networking.k8s.io_*.yaml",
}
_OLDEST_GO = (1, 25)

Say = Callable[[str], None]
Schema = dict[str, Any]


class _Loader(yaml.CSafeLoader):
    """SafeLoader that takes `=` for the text it is: an operator in an enumeration."""


_Loader.add_constructor("tag:yaml.org,2002:value", lambda loader, node: str(node.value))


def schemas_ready(cache: Path, say: Say) -> Path:
    """The folder of the schemas, `<kind>-<group>-<version>.json`, made first where it is missing.

    Raises StackError when something pinned cannot be fetched.
    """
    pins = PROJECT_ROOT / "requirements" / "kubernetes-schemas.txt"
    parts = (pins, _PINS, Path(__file__))
    key = hashlib.sha256(b"".join(part.read_bytes() for part in parts)).hexdigest()[:12]
    folder = cache / f"kubernetes-schemas-{key}"
    if folder.exists():
        return folder
    cache.mkdir(parents=True, exist_ok=True)
    package = tool_folder(cache, "kubernetes-schemas", "Kubernetes' schemas", say)
    core = next(package.glob(f"lib/python*/site-packages/kubernetes_validate/*/{VERSION}-local-strict"))
    scratch = Path(tempfile.mkdtemp(dir=cache))
    try:
        for name, schema in _core(core):
            (scratch / name).write_text(json.dumps(schema))
        for definition in definitions(cache, say):
            for name, schema in _versions(definition["spec"]):
                (scratch / name).write_text(json.dumps(schema))
        scratch.rename(folder)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return folder


def _core(folder: Path) -> Iterator[tuple[str, Schema]]:
    """Each schema with the definitions that it refers to inside itself."""
    definitions: Mapping[str, Schema] = json.loads((folder / "_definitions.json").read_text())["$defs"]
    for file in sorted(folder.glob("*.json")):
        if file.name.startswith("_"):
            continue
        schema = _local(json.loads(file.read_text()))
        if "kind" not in schema.get("properties", {}):
            continue  # a part of something, never an object of its own
        used: dict[str, Schema] = {}
        _collect(schema, definitions, used)
        yield file.name, schema | {"$defs": used}


def _collect(part: Any, definitions: Mapping[str, Schema], used: dict[str, Schema]) -> None:
    for name in _references(part):
        if name not in used:
            used[name] = _local(definitions[name])
            _collect(used[name], definitions, used)


def _references(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        if isinstance(part.get("$ref"), str):
            yield part["$ref"].rpartition("/")[2]
        for value in part.values():
            yield from _references(value)
    elif isinstance(part, list):
        for value in part:
            yield from _references(value)


def _local(schema: Any) -> Any:
    """The same with references into the file itself."""
    if isinstance(schema, dict):
        return {
            key: f"#/$defs/{value.rpartition('/')[2]}" if key == "$ref" and isinstance(value, str) else _local(value)
            for key, value in schema.items()
        }
    return [_local(value) for value in schema] if isinstance(schema, list) else schema


def definitions(cache: Path, say: Say) -> Iterator[Schema]:
    """Every CustomResourceDefinition of the pinned modules; raises StackError when one cannot be fetched."""
    go = go_ready(cache, _OLDEST_GO, say)
    for line in _PINS.read_text().splitlines():
        module, version, wanted = line.split()
        say(f"Fetching the resource definitions of {module} {version}")
        for file in sorted(_fetched(go, module, version, wanted).glob(_CRDS[module])):
            for definition in yaml.load_all(file.read_text(), Loader=_Loader):
                if definition and definition["kind"] == "CustomResourceDefinition":
                    yield definition


def _fetched(go: Path, module: str, version: str, wanted: str) -> Path:
    """The module's folder; raises StackError for another hash than the pinned one."""
    environment = {**os.environ, "GOTOOLCHAIN": "local", "GOWORK": "off"}
    with tempfile.TemporaryDirectory() as elsewhere:  # outside any module, whose requirements would be read first
        command = [str(go), "mod", "download", "-json", f"{module}@{version}"]
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=300, check=False, env=environment, cwd=elsewhere
        )
    found = json.loads(done.stdout or "{}")
    if done.returncode != 0 or found.get("Sum") != wanted:
        why = found.get("Error") or done.stderr.strip() or f"its hash is {found.get('Sum')}, expected {wanted}"
        raise StackError(f"cannot fetch {module} {version}: {why}")
    return Path(found["Dir"])


def _versions(spec: Mapping[str, Any]) -> Iterator[tuple[str, Schema]]:
    kind, group = spec["names"]["kind"].lower(), spec["group"].partition(".")[0]
    for version in spec["versions"]:
        schema = _strict(version["schema"]["openAPIV3Schema"])
        yield f"{kind}-{group}-{version['name']}.json", schema


def _strict(schema: Any) -> Any:
    """The definition as plain JSON Schema in which an unknown key is a mistake, as in the API server's strict mode."""
    if isinstance(schema, list):
        return [_strict(value) for value in schema]
    if not isinstance(schema, dict):
        return schema
    if schema.get("x-kubernetes-int-or-string"):
        return {"type": ["integer", "string"]}
    made = {key: _strict(value) for key, value in schema.items() if not key.startswith("x-kubernetes-")}
    free = schema.get("x-kubernetes-preserve-unknown-fields")
    if isinstance(schema.get("properties"), dict) and "additionalProperties" not in schema and not free:
        made["additionalProperties"] = False
    if schema.get("nullable") is True and isinstance(schema.get("type"), str):
        made["type"] = [schema["type"], "null"]
    return made
