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
from headrace.runtime.kafka_access import KafkaAccess
from headrace.runtime.settings import PREFIX, SECRETS, KafkaSecurity, StoreSettings, read_settings
from headrace.store.object_store import expect_answer
from headrace.store.opening import StoreAddress, open_store
from headrace.store.s3 import S3Settings


def find_store() -> StoreAddress:
    """The store of the settings, else that of the running stack; SettingsError when there is neither.

    One setting of the store in the environment is enough for the stack to be left out of it: mixing the two would
    read one store with the keys of another.
    """
    told = {SECRETS, *(f"{PREFIX}{name.upper()}" for name in StoreSettings.model_fields)}
    if told & os.environ.keys():
        return read_settings(StoreSettings).object_store
    memory = _running(f"{PREFIX}S3_ENDPOINT")
    return S3Settings(f"http://{LOOPBACK}:{memory.ports['s3']}", BUCKET, memory.access_key, memory.secret_key)


def find_lake(plan: Plan) -> Lake:
    """A pipeline's lake in that store, once it has answered: readers of tables say little about why one does not."""
    store = find_store()
    expect_answer(open_store(store), f"lake/{plan.pipeline.tenant}/{plan.pipeline.name}/")
    return Lake(store)


def find_kafka(named: str | None) -> KafkaAccess:
    """The Kafka that was named, reached as the settings say; else the running stack's. SettingsError for neither."""
    if named:
        return read_settings(KafkaSecurity).access_to(named)
    return KafkaAccess(f"{LOOPBACK}:{_running(f'--kafka or {PREFIX}KAFKA').ports['kafka']}")


def _running(setting: str) -> Memory:
    folder = state_folder()
    memory = remembered(folder) if holder_of(folder) is not None else None
    if memory is None:
        raise SettingsError(
            f"{setting} is not set, and no stack runs in {folder}: start one with `headrace local up`,"
            " or name the folder of another with HEADRACE_STATE"
        )
    return memory
