"""The model registry on plain S3: versions that are written once, and aliases that move.

`models/<tenant>/<name>/versions/<n>/{model.onnx, sample.arrow, manifest.json}`,
`models/<tenant>/<name>/aliases/<alias>.json`.

A number is claimed first, by writing `claim` only if it is absent; the manifest is written last, so a version without
one was never finished and cannot be loaded. Nothing is ever overwritten but an alias, and that only over the version of
it that was read.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

from headrace.contract.errors import ModelError, NotFound, OutcomeUnknown, PreconditionFailed
from headrace.models.manifest import Manifest, digest, parse
from headrace.store.object_store import ObjectStore

MODEL = "model.onnx"
SAMPLE = "sample.arrow"
_MANIFEST = "manifest.json"
_ATTEMPTS = 20
_VERSION = re.compile(r"/versions/(\d+)/")


@dataclass(frozen=True, slots=True)
class Version:
    """A version with its files, checked against the hashes in its manifest."""

    number: int
    manifest: Manifest
    files: Mapping[str, bytes]


class Registry:
    """The versions and aliases of all models of one tenant."""

    def __init__(self, store: ObjectStore, tenant: str) -> None:
        self._store = store
        self._root = f"models/{tenant}"

    def publish(self, manifest: Manifest, files: Mapping[str, bytes]) -> int:
        """Write a new version and return its number.

        `manifest.files` is set from the files. Raises ModelError when no number can be claimed, StoreError.
        """
        number = self._claim(manifest.name)
        home = self._home(manifest.name, number)
        for name, body in files.items():
            self._store.put(f"{home}/{name}", body)
        complete = manifest.model_copy(update={"files": {name: digest(body) for name, body in files.items()}})
        self._store.put(f"{home}/{_MANIFEST}", complete.model_dump_json(indent=1).encode())
        return number

    def load(self, name: str, number: int) -> Version:
        """Read a version; raises ModelError when it was never finished or a file is not what its manifest says."""
        home = self._home(name, number)
        try:
            manifest = parse(self._store.get(f"{home}/{_MANIFEST}").body, f"{home}/{_MANIFEST}")
            files = {file: self._store.get(f"{home}/{file}").body for file in manifest.files}
        except NotFound as error:
            raise ModelError(f"model {name} has no complete version {number}: {error}") from error
        for file, body in files.items():
            if digest(body) != manifest.files[file]:
                raise ModelError(f"{home}/{file} does not match the hash in its manifest: it was changed or damaged")
        return Version(number, manifest, files)

    def point(self, name: str, alias: str, number: int) -> None:
        """Move an alias to a complete version; raises ModelError when somebody else moves it at the same time."""
        self.load(name, number)
        body = json.dumps({"version": number}).encode()
        key = self._alias(name, alias)
        try:
            found = self._store.get(key)
        except NotFound:
            found = None
        try:
            if found is None:
                self._store.put(key, body, if_none_match=True)
            else:
                self._store.put(key, body, if_match=found.etag)
        except OutcomeUnknown:
            if self._store.get(key).body != body:
                raise
        except PreconditionFailed as error:
            raise ModelError(
                f"alias {alias} of {name} was moved by somebody else just now; look and try again"
            ) from error

    def resolve(self, name: str, alias: str) -> int | None:
        """The version that an alias names, None where there is no such alias. Raises ModelError for a damaged one."""
        key = self._alias(name, alias)
        try:
            body = self._store.get(key).body
        except NotFound:
            return None
        try:
            return int(json.loads(body)["version"])
        except (ValueError, KeyError, TypeError) as error:
            raise ModelError(f"{key} is damaged: {body[:60]!r}") from error

    def _claim(self, name: str) -> int:
        taken = [int(match[1]) for e in self._store.list(f"{self._root}/{name}/") if (match := _VERSION.search(e.key))]
        number = max(taken, default=0)
        for _ in range(_ATTEMPTS):
            number += 1
            try:
                self._store.put(f"{self._home(name, number)}/claim", b"", if_none_match=True)
            except (PreconditionFailed, OutcomeUnknown):
                continue  # taken, or perhaps ours: a number that nobody finishes does no harm
            return number
        raise ModelError(f"model {name}: no version number could be claimed in {_ATTEMPTS} attempts")

    def _home(self, name: str, number: int) -> str:
        return f"{self._root}/{name}/versions/{number}"

    def _alias(self, name: str, alias: str) -> str:
        return f"{self._root}/{name}/aliases/{alias}.json"
