"""The object store by plain S3 calls, and its Delta tables as deltalake lists them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from urllib.parse import unquote

import boto3.session
import pyarrow as pa
import pyarrow.parquet as pq
from botocore.config import Config
from deltalake import DeltaTable

from rig.judgement.arrow_rows import rows_of
from rig.judgement.endpoints import Endpoints
from rig.judgement.evidence import DeltaCommit, TableEvidence
from rig.judgement.facts import Facts

_COMMIT = re.compile(r"_delta_log/(\d{20})\.json")
_SNAPSHOT = re.compile(r"snapshots/([^/]+)/([^/]+)/([^/]+)/(\d+)/(\d{20})\.arrow")
_MODEL = re.compile(r"models/[^/]+/([^/]+)/versions/(\d+)/model\.onnx")


class StoreReader:
    """One bucket."""

    def __init__(self, endpoints: Endpoints) -> None:
        self._endpoints = endpoints
        self._client = boto3.session.Session().client(
            "s3",
            endpoint_url=endpoints.s3,
            aws_access_key_id=endpoints.access_key,
            aws_secret_access_key=endpoints.secret_key,
            region_name=endpoints.region,
            config=Config(
                s3={"addressing_style": "path"},
                request_checksum_calculation="when_required",
                response_checksum_validation="when_required",
            ),
        )

    def close(self) -> None:
        """Let the connections go."""
        self._client.close()

    def get(self, key: str) -> bytes:
        """The body of an object."""
        return self._client.get_object(Bucket=self._endpoints.bucket, Key=key)["Body"].read()

    def list(self, prefix: str) -> Iterator[tuple[str, datetime]]:
        """Keys with a prefix, and when each object was written."""
        for page in self._client.get_paginator("list_objects_v2").paginate(
            Bucket=self._endpoints.bucket, Prefix=prefix
        ):
            for entry in page.get("Contents", []):
                yield entry["Key"], entry["LastModified"]

    def tables(self, facts: Facts) -> dict[str, TableEvidence]:
        """Every table of the pipeline that exists; a name that begins with `_` is none (a killed probe leaves such)."""
        root = f"lake/{facts.tenant}/{facts.name}/"
        keys = list(self.list(root))
        places = (key.removeprefix(root) for key, _ in keys)
        names = sorted({"/".join(place.split("/")[:2]) for place in places if not place.startswith("_")})
        return {
            name: table_of(name, f"{root}{name}/", keys, self.get, frozenset(self._listed(f"{root}{name}/")))
            for name in names
        }

    def _listed(self, root: str) -> Iterator[str]:
        at = f"s3://{self._endpoints.bucket}/{root}"
        table = DeltaTable(at, storage_options=self._options())
        for uri in table.file_uris():
            yield unquote(uri[uri.index(root) + len(root) :])

    def _options(self) -> dict[str, str]:
        place = self._endpoints
        return {
            "AWS_ENDPOINT_URL": place.s3,
            "AWS_ACCESS_KEY_ID": place.access_key,
            "AWS_SECRET_ACCESS_KEY": place.secret_key,
            "AWS_REGION": place.region,
            "AWS_ALLOW_HTTP": "true",
        }

    def snapshots(self, facts: Facts) -> dict[tuple[str, str, int], int]:
        """(Stage, topic, partition) → the offset of the newest snapshot."""
        found: dict[tuple[str, str, int], int] = {}
        for key, _ in self.list("snapshots/"):
            if (match := _SNAPSHOT.fullmatch(key)) and match[2].startswith(f"{facts.topic()}."):
                place = (match[1], match[2], int(match[4]))
                found[place] = max(found.get(place, -1), int(match[5]))
        return found

    def models(self, facts: Facts) -> dict[tuple[str, int], bytes]:
        """Every version of the models that the pipeline names."""
        wanted = {prediction.model for prediction in facts.predictions.values()}
        return {
            (match[1], int(match[2])): self.get(key)
            for key, _ in self.list(f"models/{facts.tenant}/")
            if (match := _MODEL.fullmatch(key)) and match[1] in wanted
        }


def table_of(
    name: str,
    root: str,
    keys: Iterable[tuple[str, datetime]],
    get: Callable[[str], bytes],
    listed: frozenset[str],
) -> TableEvidence:
    """What lies under a table's root; `listed` are the files that a reader of Delta tables lists."""
    own = {key.removeprefix(root): at for key, at in keys if key.startswith(root)}
    commits = [
        DeltaCommit(int(match[1]), [json.loads(line) for line in get(root + path).splitlines()])
        for path in sorted(own)
        if (match := _COMMIT.fullmatch(path))
    ]
    present = {path: at for path, at in own.items() if path.endswith(".parquet") and "_delta_log/" not in path}
    rows = {path: rows_of(_read(get(root + path))) for path in present}
    return TableEvidence(name, commits, listed, present, rows)


def _read(body: bytes) -> pa.Table:
    # Not `read_table`, whose threads may outlive the interpreter and abort it (docs/upstream).
    return pq.ParquetFile(pa.BufferReader(body), pre_buffer=False).read(use_threads=False)
