"""How readers of Delta tables (deltalake, polars) reach the store: a table's address and the options they take."""

from __future__ import annotations

from headrace.store.cloud import AzureSettings, GcsSettings
from headrace.store.opening import StoreAddress
from headrace.store.s3 import S3Settings


def address(store: StoreAddress, key: str) -> str:
    """The URI of what lies under this key."""
    match store:
        case S3Settings():
            return f"s3://{store.bucket}/{key}"
        case GcsSettings():
            return f"gs://{store.bucket}/{key}"
        case AzureSettings():
            return f"az://{store.container}/{key}"


def reader_options(store: StoreAddress) -> dict[str, str]:
    """The names are those of the Rust crate object_store, which deltalake and polars share.

    Where there is no key, none is said, and the reader asks the same sources of credentials as the services do.
    """
    match store:
        case S3Settings():
            keys = {"AWS_ACCESS_KEY_ID": store.access_key, "AWS_SECRET_ACCESS_KEY": store.secret_key}
            return {
                "AWS_ENDPOINT_URL": store.endpoint,
                "AWS_REGION": store.region,
                "AWS_ALLOW_HTTP": _plain(store.endpoint),
                **{name: value for name, value in keys.items() if value is not None},
            }
        case GcsSettings():
            if store.endpoint is None:
                return {}
            return {"google_service_account_key": str(store.service_account_key), "allow_http": _plain(store.endpoint)}
        case AzureSettings():
            options = {"azure_storage_account_name": store.account}
            if store.key is not None:
                options["azure_storage_account_key"] = store.key
            if store.endpoint is not None:
                options |= {"azure_storage_endpoint": store.endpoint, "allow_http": _plain(store.endpoint)}
            return options


def _plain(endpoint: str) -> str:
    return str(endpoint.startswith("http://")).lower()
