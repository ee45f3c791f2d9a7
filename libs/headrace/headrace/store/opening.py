"""The one way to a store: by its settings, whatever kind they are of."""

from __future__ import annotations

from typing import assert_never

from headrace.store.cloud import AzureSettings, GcsSettings, azure_store, gcs_store
from headrace.store.object_store import ObjectStore
from headrace.store.s3 import S3Settings, S3Store

StoreAddress = S3Settings | GcsSettings | AzureSettings


def open_store(settings: StoreAddress) -> ObjectStore:
    """The store of these settings; nothing is asked of it yet."""
    match settings:
        case S3Settings():
            return S3Store(settings)
        case GcsSettings():
            return gcs_store(settings)
        case AzureSettings():
            return azure_store(settings)
        case _:
            assert_never(settings)
