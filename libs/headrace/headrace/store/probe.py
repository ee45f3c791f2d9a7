"""Start-up probe: do this store's conditional writes really hold when many write at once?

Commits of the lake, versions in the model registry and fencing all rest on them, and some stores accept the headers and
lose updates all the same. So a service asks before its first write, and a store that fails is refused.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial

from headrace.contract.errors import PreconditionFailed, StoreError, StoreRefused, StoreUnavailable
from headrace.store.object_store import ObjectStore
from headrace.store.s3 import S3Store

RIVALS = 8
CREATE_ROUNDS = 6
INCREMENTS = 5  # per rival
TRIES = 200  # per increment; seven rivals make it lose now and then, not for ever
PARTS_RIVALS = 4
PARTS_ROUNDS = 3
PART = bytes(1 << 20)  # large enough that a server busy with one request begins the next
ABANDONED = timedelta(hours=1)  # longer than any probe runs, whatever the clocks of store and service differ by


def probe(store: ObjectStore, prefix: str = "_headrace/probe") -> None:
    """Return if conditional writes hold; raise StoreRefused, saying which did not, if they do not.

    Writes a few small objects under a name of its own below `prefix` and removes them, with what killed probes have
    left there; takes about a second. Raises StoreUnavailable or OutcomeUnknown when the store itself fails: nothing is
    known then, and that is not a yes.
    """
    home = f"{prefix}/{uuid.uuid4().hex}"
    try:
        _creating(store, home)
        _counting(store, f"{home}/counter")
        if isinstance(store, S3Store):
            probe_uploads_in_parts(store, home)
    finally:
        with suppress(StoreError):  # what could not be removed is harmless, and must not hide why the probe failed
            for entry in list(store.list(f"{prefix}/")):
                if entry.key.startswith(f"{home}/") or datetime.now(UTC) - entry.modified > ABANDONED:
                    store.delete(entry.key)


def _creating(store: ObjectStore, home: str) -> None:
    """Of rivals that all create one object only-if-absent exactly one may win, and its bytes must stand."""
    for number in range(CREATE_ROUNDS):
        key = f"{home}/create-{number}"
        bodies = [str(rival).encode() for rival in range(RIVALS)]
        won = _race([partial(_wins, partial(store.put, key, body, if_none_match=True)) for body in bodies])
        winners = [body for body, mine in zip(bodies, won, strict=True) if mine]
        if winners != [store.get(key).body]:
            raise _refusal("If-None-Match", f"{len(winners)} of {RIVALS} rivals created one object, expected 1")


def _counting(store: ObjectStore, key: str) -> None:
    """Rivals that add to one counter with If-Match must lose no increment."""
    store.put(key, b"0")
    _race([partial(_add, store, key)] * RIVALS)
    counted, expected = int(store.get(key).body), RIVALS * INCREMENTS
    if counted != expected:
        raise _refusal("If-Match", f"{expected} increments of one counter left it at {counted}")


def _add(store: ObjectStore, key: str) -> bool:
    for _ in range(INCREMENTS):
        for _ in range(TRIES):
            seen = store.get(key)
            if _wins(partial(store.put, key, str(int(seen.body) + 1).encode(), if_match=seen.etag)):
                break
        else:
            raise StoreUnavailable(f"{key}: no If-Match write succeeded in {TRIES} tries; is the store overloaded?")
    return True


def probe_uploads_in_parts(store: S3Store, home: str) -> None:
    """Return if at most one conditional completion of a multipart upload wins; raise StoreRefused if more do.

    Headrace never writes in parts. But a server that checks a condition and acts on it in two steps is caught by the
    races above only now and then, and by this one nearly always, because to complete an upload takes it long enough.
    """
    for number in range(PARTS_ROUNDS):
        key = f"{home}/parts-{number}"
        winners = sum(_race([_upload(store, key, rival) for rival in range(PARTS_RIVALS)]))
        if winners > 1:
            raise _refusal("If-None-Match on multipart uploads", f"{winners} rivals created one object, expected 1")


def _upload(store: S3Store, key: str, rival: int) -> Callable[[], bool]:
    """Upload one part; to call the result is to complete the upload and to learn whether that won."""
    bucket, body = store.settings.bucket, bytes([rival]) + PART
    call = partial(store.once, verb="multipart upload", key=key, writes=False)
    upload = call(lambda client: client.create_multipart_upload(Bucket=bucket, Key=key)["UploadId"])
    etag = call(
        lambda client: client.upload_part(Bucket=bucket, Key=key, UploadId=upload, PartNumber=1, Body=body)["ETag"]
    )

    def complete() -> bool:
        won = _wins(
            lambda: call(
                lambda client: client.complete_multipart_upload(
                    Bucket=bucket,
                    Key=key,
                    UploadId=upload,
                    IfNoneMatch="*",
                    MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": etag}]},
                )["ETag"]
            )
        )
        if not won:
            with suppress(StoreError):
                call(lambda client: client.abort_multipart_upload(Bucket=bucket, Key=key, UploadId=upload))
        return won

    return complete


def _wins(write: Callable[[], str]) -> bool:
    """Whether a conditional write succeeded; AWS answers some lost races with a conflict that it asks to repeat."""
    try:
        write()
    except (PreconditionFailed, StoreUnavailable):
        return False
    return True


def _race(calls: list[Callable[[], bool]]) -> list[bool]:
    """Make all calls at the same moment, each in a thread of its own; their results in the same order."""
    start = threading.Barrier(len(calls))

    def go(call: Callable[[], bool]) -> bool:
        start.wait()
        return call()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(go, calls))


def _refusal(what: str, found: str) -> StoreRefused:
    return StoreRefused(
        f"the object store does not hold {what}: {found}; use a store whose conditional writes are atomic"
    )
