"""The models in force, shared by all partitions of a process: swapped here, taken up by each between two steps."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping

from headrace.contract.errors import DeviceMissing, ModelError, StoreError
from headrace.contract.plan import Plan
from headrace.models.device import Device
from headrace.models.manifest import inputs_of
from headrace.models.registry import Registry
from headrace.models.session import Model, open_model
from headrace.runtime.lane import Waits
from headrace.store.object_store import ObjectStore

_log = logging.getLogger(__name__)

CHAMPION = "champion"


class CurrentModels:
    """For each prediction, the version that its champion alias names; None until there is one."""

    def __init__(self, plan: Plan, store: ObjectStore, threads: int, device: Device = "cpu") -> None:
        self._plan = plan
        self._registry = Registry(store, plan.pipeline.tenant)
        self._threads = threads
        self._device = device
        self._current: dict[str, Model | None] = dict.fromkeys(plan.pipeline.predictions)
        self._unpublished: set[str] = set()  # predictions of whose model the registry is known to have no champion
        self._refused: dict[str, int] = {}  # versions that were looked at and must not be used

    def get(self, prediction: str) -> Model | None:
        """The model in force."""
        return self._current[prediction]

    def load(self, prediction: str, number: int) -> Model:
        """Open one version; raises ModelError, DeviceMissing, StoreError."""
        version = self._registry.load(self._plan.pipeline.predictions[prediction].model, number)
        return open_model(version, inputs_of(self._plan, prediction), self._threads, self._device)

    async def watch(self, seconds: float) -> None:
        """Follow the aliases for ever. A version that must not be used is logged once, and the one before stays.

        Raises DeviceMissing, which is no fault of the version's: another one would not run either.
        """
        while True:
            for prediction in self._current:
                await asyncio.to_thread(self._look, prediction)
            await asyncio.sleep(seconds)

    def _look(self, prediction: str) -> None:
        name = self._plan.pipeline.predictions[prediction].model
        current = self._current[prediction]
        try:
            number = self._registry.resolve(name, CHAMPION)
            (self._unpublished.add if number is None else self._unpublished.discard)(prediction)
            if number is None or number == self._refused.get(prediction) or (current and current.number == number):
                return
            self._current[prediction] = self.load(prediction, number)
            _log.info("model %s: version %d is in force", name, number)
        except DeviceMissing:
            raise
        except ModelError as error:
            _log.error("%s; what was in force stays", error)
            self._refused[prediction] = number or 0
        except StoreError as error:
            _log.warning("the registry cannot be read, trying again: %s", error)

    def missing(self, topics: Mapping[str, str], topic: str) -> Waits | None:
        """What a features topic still waits for; `topics` gives the prediction of each."""
        prediction = topics[topic]
        if self._current[prediction] is None:
            what = f"a champion of model {self._plan.pipeline.predictions[prediction].model} in the registry"
            return Waits(what, published=prediction not in self._unpublished)
        return None
