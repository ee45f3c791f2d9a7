"""An ObjectStore over Google Cloud Storage or Azure Blob, through obstore with every automatic retry switched off."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Literal, TypeVar

import obstore
from obstore.exceptions import BaseError
from obstore.store import AzureStore, GCSStore

from headrace.contract.errors import NotFound, StoreUnavailable
from headrace.store.cloud_failures import translate
from headrace.store.object_store import Entry, Object
from headrace.store.repetition import Repetition

if TYPE_CHECKING:
    from obstore import ObjectMeta, PutMode, PutResult
    from obstore.store import AzureConfig, ClientConfig, GCSConfig, RetryConfig

T = TypeVar("T")

_PAGE = 1000  # entries of a listing that come in one answer
_CONNECT = timedelta(seconds=5)
_ANSWER = timedelta(seconds=60)  # the largest object is 128 MB, so this asks for 2 MB/s
_NO_RETRIES: RetryConfig = {"max_retries": 0}


@dataclass(frozen=True, slots=True)
class GcsSettings:
    """Where the bucket is. Who we are there is what Google's application default credentials say."""

    bucket: str
    endpoint: str | None = None  # of an emulator, which is asked without credentials

    @property
    def service_account_key(self) -> str | None:
        """For an emulator, the key that makes object_store look for no other credentials."""
        if self.endpoint is None:
            return None
        nobody = {"client_email": "", "private_key": "", "private_key_id": ""}
        return json.dumps({**nobody, "gcs_base_url": self.endpoint, "disable_oauth": True})


@dataclass(frozen=True, slots=True)
class AzureSettings:
    """Where the container is. Without a key, who we are there is what the workload or managed identity says."""

    account: str
    container: str
    endpoint: str | None = None  # None: https://<account>.blob.core.windows.net
    key: str | None = field(default=None, repr=False)


class CloudStore:
    """One bucket or container. Safe to share between threads.

    `tag` says what identifies a version of an object: Google's generation, Azure's etag.
    """

    def __init__(
        self,
        store: GCSStore | AzureStore,
        place: str,
        tag: Literal["version", "e_tag"],
        *,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self.place = place  # for messages
        self._store = store
        self._tag: Literal["version", "e_tag"] = tag
        self._repetition = Repetition(pause=pause)

    def get(self, key: str) -> Object:
        def call() -> Object:
            found = obstore.get(self._store, key)
            return Object(bytes(found.bytes()), self._tag_of(found.meta))

        return self._repetition.of(lambda: self._once(call, "GET", key, writes=False))

    def put(self, key: str, body: bytes, *, if_none_match: bool = False, if_match: str | None = None) -> str:
        if if_none_match and if_match is not None:
            raise ValueError("if_none_match and if_match exclude each other")
        if if_none_match:
            return self._once(lambda: self._put(key, body, "create"), "PUT (If-None-Match)", key, writes=True)
        if if_match is not None:
            over = {self._tag: if_match}
            return self._once(
                lambda: self._put(key, body, over),  # type: ignore[arg-type]  # the keys are all optional in fact
                "PUT (If-Match)",
                key,
                writes=True,
            )
        return self._repetition.of(
            lambda: self._once(lambda: self._put(key, body, "overwrite"), "PUT", key, writes=True)
        )

    def list(self, prefix: str, *, start_after: str = "") -> Iterator[Entry]:
        after, failures = start_after, 0
        while True:
            try:
                for entry in self._listed(prefix, after):
                    after, failures = entry.key, 0
                    yield entry
                return
            except StoreUnavailable:  # go on behind the last key that came
                failures += 1
                if failures == self._repetition.attempts:
                    raise
                self._repetition.wait(failures)

    def delete(self, key: str) -> None:
        try:
            self._repetition.of(
                lambda: self._once(lambda: obstore.delete(self._store, key), "DELETE", key, writes=True)
            )
        except NotFound:
            return

    def _put(self, key: str, body: bytes, mode: PutMode) -> str:
        # Never in parts: an object is there as a whole or not at all, and a condition holds for all of it.
        return self._tag_of(obstore.put(self._store, key, body, mode=mode, use_multipart=False))

    def _listed(self, prefix: str, after: str) -> Iterator[Entry]:
        """One listing; the library knows only prefixes that are whole folders, so the rest is left out here."""
        folder = prefix.rpartition("/")[0] or None
        pages = iter(obstore.list(self._store, folder, offset=after or None, chunk_size=_PAGE))
        while (page := self._once(lambda: next(pages, None), "LIST", prefix, writes=False)) is not None:
            for found in page:
                key = found["path"]
                if key.startswith(prefix) and key.encode() > after.encode():
                    yield Entry(key, found["size"], self._tag_of(found), found["last_modified"])

    def _once(self, call: Callable[[], T], verb: str, key: str, *, writes: bool) -> T:
        try:
            return call()
        except (BaseError, OSError, ValueError) as error:  # some of the library's errors are built-in ones
            raise translate(error, f"{verb} {key} in {self.place}", writes=writes) from error

    def _tag_of(self, said: ObjectMeta | PutResult) -> str:
        return said[self._tag] or said["e_tag"] or ""


def gcs_store(settings: GcsSettings, *, pause: Callable[[float], None] = time.sleep) -> CloudStore:
    """The bucket of these settings; nothing is asked of it yet."""
    config: GCSConfig = {}
    if (key := settings.service_account_key) is not None:
        config["service_account_key"] = key
    store = GCSStore(
        settings.bucket, config=config, client_options=_client(settings.endpoint), retry_config=_NO_RETRIES
    )
    place = f"bucket {settings.bucket} at {settings.endpoint or 'Google Cloud Storage'}"
    return CloudStore(store, place, "version", pause=pause)


def azure_store(settings: AzureSettings, *, pause: Callable[[float], None] = time.sleep) -> CloudStore:
    """The container of these settings; nothing is asked of it yet."""
    config: AzureConfig = {"account_name": settings.account, "container_name": settings.container}
    if settings.endpoint is not None:
        config["endpoint"] = settings.endpoint
    if settings.key is not None:
        config["account_key"] = settings.key
    store = AzureStore(config=config, client_options=_client(settings.endpoint), retry_config=_NO_RETRIES)
    at = settings.endpoint or f"account {settings.account} of Azure Blob"
    return CloudStore(store, f"container {settings.container} at {at}", "e_tag", pause=pause)


def _client(endpoint: str | None) -> ClientConfig:
    plain = endpoint is not None and endpoint.startswith("http://")
    return {"connect_timeout": _CONNECT, "timeout": _ANSWER, "allow_http": plain}
