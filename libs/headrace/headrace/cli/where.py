"""Where Kafka and the object store are: what the environment says, else the stack that runs on this machine."""

from __future__ import annotations

import os

from headrace.contract.errors import SettingsError
from headrace.contract.plan import Plan
from headrace.lake.read import Lake
from headrace.local.lock import holder_of
from headrace.local.memory import Memory, remembered
from headrace.local.places import state_folder
from headrace.local.ports import LOOPBACK
from headrace.local.stack import BUCKET
from headrace.runtime.settings import PREFIX, StoreSettings, read_settings
from headrace.store.object_store import expect_answer
from headrace.store.s3 import S3Settings, S3Store


def find_store() -> S3Settings:
    """The store of the settings, else that of the running stack; SettingsError when there is neither.

    One setting of the store in the environment is enough for the stack to be left out of it: mixing the two would
    read one store with the keys of another.
    """
    if any(name.startswith(f"{PREFIX}S3_") for name in os.environ):
        return read_settings(StoreSettings).s3
    memory = _running(f"{PREFIX}S3_ENDPOINT")
    return S3Settings(f"http://{LOOPBACK}:{memory.ports['s3']}", BUCKET, memory.access_key, memory.secret_key)


def find_lake(plan: Plan) -> Lake:
    """A pipeline's lake in that store, once it has answered: readers of tables say little about why one does not."""
    store = find_store()
    expect_answer(S3Store(store), f"lake/{plan.pipeline.tenant}/{plan.pipeline.name}/")
    return Lake(store)


def find_kafka(named: str | None) -> str:
    """The bootstrap servers that were named, else the running stack's; SettingsError when there is neither."""
    return named or f"{LOOPBACK}:{_running(f'--kafka or {PREFIX}KAFKA').ports['kafka']}"


def _running(setting: str) -> Memory:
    folder = state_folder()
    memory = remembered(folder) if holder_of(folder) is not None else None
    if memory is None:
        raise SettingsError(
            f"{setting} is not set, and no stack runs in {folder}: start one with `headrace local up`,"
            " or name the folder of another with HEADRACE_STATE"
        )
    return memory
