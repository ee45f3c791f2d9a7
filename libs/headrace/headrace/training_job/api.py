"""What the Kubernetes API server is asked for a training: one question a method, each with a deadline."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import aiohttp
from kubernetes.aio import client, config

from headrace.contract.errors import ClusterRefused, ClusterUnavailable, PlanError, SettingsError
from headrace.training_job.manifest import Object

_SECONDS = 15.0
_WATCH_SECONDS = 45  # after which it is asked anew, so that a connection that died in silence is noticed
_LOG_SECONDS = 60.0  # likewise
_ROLE = "the role headrace-tenant-trainer (k8s/cluster-roles.yaml) has all that this command needs"


class Kind(StrEnum):
    """What is watched, by the resource's name."""

    JOBS = "jobs"
    PODS = "pods"
    EVENTS = "events"


@dataclass(frozen=True, slots=True)
class Change:
    """An object of a kind as it is now; None: it was deleted, or a list had none."""

    kind: Kind
    object: Object | None


class _Answered(Exception):
    """The API server's answer is none that was hoped for; whoever asked knows what it means."""

    def __init__(self, status: int, message: str) -> None:
        self.status = status
        self.message = message
        super().__init__(f"{status}: {message}")


class Cluster:
    """A tenant's namespace, as the user of a kubeconfig.

    Every method raises ClusterUnavailable when the API server does not answer, ClusterRefused when it says no.
    """

    def __init__(self, api: client.ApiClient, namespace: str, renew: Callable[[], Awaitable[None]]) -> None:
        self.namespace = namespace
        self._batch = client.BatchV1Api(api)
        self._core = client.CoreV1Api(api)
        self._renew = renew

    async def template(self, name: str) -> Object:
        """The CronJob that trainings are made from; PlanError says what to add where it is missing."""
        try:
            return await self._json(
                self._batch.read_namespaced_cron_job_without_preload_content, name=name, namespace=self.namespace
            )
        except _Answered as answer:
            if answer.status != 404:
                raise self._refused("get", "cronjobs", answer) from None
        if await self._namespace_is_missing():
            raise PlanError(
                f"the cluster has no namespace {self.namespace}: deploy the tenant (kustomize/components/tenant)"
            )
        raise PlanError(
            f"namespace {self.namespace} has no CronJob {name}, which trainings are made from: add component training"
            " (kustomize/components/training) to the pipeline's overlay and apply it"
        )

    async def job(self, name: str) -> Object | None:
        """A Job, None where there is none."""
        try:
            return await self._json(
                self._batch.read_namespaced_job_without_preload_content, name=name, namespace=self.namespace
            )
        except _Answered as answer:
            if answer.status == 404:
                return None
            raise self._refused("get", "jobs", answer) from None

    async def create(self, job: Object) -> None:
        """Create the Job; one of that name that is there is the one that an earlier, unanswered call has created."""
        try:
            await self._json(
                self._batch.create_namespaced_job_without_preload_content, namespace=self.namespace, body=job
            )
        except _Answered as answer:
            if answer.status != 409:
                raise self._refused("create", "jobs", answer) from None

    async def delete(self, name: str) -> None:
        """Delete a Job and its pods; one that is gone is no error."""
        try:
            await self._json(
                self._batch.delete_namespaced_job_without_preload_content,
                name=name,
                namespace=self.namespace,
                propagation_policy="Background",
            )
        except _Answered as answer:
            if answer.status != 404:
                raise self._refused("delete", "jobs", answer) from None

    async def pods(self, job: str) -> list[Object]:
        """A Job's pods."""
        try:
            listed = await self._json(self._watched(Kind.PODS), **self._selection(Kind.PODS, job))
        except _Answered as answer:
            raise self._refused("list", Kind.PODS, answer) from None
        items: list[Object] = listed["items"]
        return items

    async def changes(self, kind: Kind, job: str) -> AsyncIterator[Change]:
        """What there is of a kind for a Job, then every change; ends after a while, and is to be called again."""
        ask, selection = self._watched(kind), self._selection(kind, job)
        try:
            listed = await self._json(ask, **selection)
            if not listed["items"]:
                yield Change(kind, None)
            for item in listed["items"]:
                yield Change(kind, item)
            version = listed["metadata"]["resourceVersion"]
            watch = {"watch": True, "resource_version": version, "timeout_seconds": _WATCH_SECONDS}
            async for line in self._lines(ask, float(_WATCH_SECONDS + _SECONDS), **selection, **watch):
                event = json.loads(line)
                if event["type"] == "ERROR":  # too old a version, mostly: listed anew
                    return
                yield Change(kind, None if event["type"] == "DELETED" else event["object"])
        except _Answered as answer:
            raise self._refused("list and watch", kind, answer) from None

    async def log(self, pod: str, container: str) -> AsyncIterator[str]:
        """A container's log from its beginning, each line behind its time; ends when the container or the wait does."""
        ask = self._core.read_namespaced_pod_log_without_preload_content
        arguments: dict[str, Any] = {"name": pod, "container": container, "follow": True, "timestamps": True}
        try:
            async for line in self._lines(ask, _LOG_SECONDS, namespace=self.namespace, **arguments):
                yield line.decode(errors="replace").rstrip("\n")
        except _Answered as answer:
            if answer.status in (400, 404):  # not started yet, or gone already
                return
            raise self._refused("get", "pods/log", answer) from None

    def _watched(self, kind: Kind) -> Callable[..., Any]:
        return {
            Kind.JOBS: self._batch.list_namespaced_job_without_preload_content,
            Kind.PODS: self._core.list_namespaced_pod_without_preload_content,
            Kind.EVENTS: self._core.list_namespaced_event_without_preload_content,
        }[kind]

    def _selection(self, kind: Kind, job: str) -> dict[str, str]:
        chosen = {
            Kind.JOBS: {"field_selector": f"metadata.name={job}"},
            Kind.PODS: {"label_selector": f"batch.kubernetes.io/job-name={job}"},
            Kind.EVENTS: {"field_selector": "type=Warning"},
        }[kind]
        return {"namespace": self.namespace, **chosen}

    async def _namespace_is_missing(self) -> bool:
        try:
            await self._json(self._core.read_namespace_without_preload_content, name=self.namespace)
        except _Answered as answer:
            return answer.status == 404  # 403: this user may not look, and need not
        return False

    async def _json(self, ask: Callable[..., Any], **arguments: Any) -> Object:
        with _unavailable():
            async with asyncio.timeout(_SECONDS):
                response = await self._ask(ask, _SECONDS, arguments)
                answer: Object = json.loads(await response.read())
                return answer

    async def _lines(self, ask: Callable[..., Any], seconds: float, **arguments: Any) -> AsyncIterator[bytes]:
        with _unavailable():
            async with asyncio.timeout(_SECONDS):
                response = await self._ask(ask, seconds, arguments)
            try:
                while line := await response.content.readline():
                    yield line
            except TimeoutError:
                return
            finally:
                # A stream that is left in its middle: a polite end of TLS would outlive the loop.
                if response.connection is not None and response.connection.transport is not None:
                    response.connection.transport.abort()
                response.close()

    async def _ask(self, ask: Callable[..., Any], seconds: float, arguments: dict[str, Any]) -> aiohttp.ClientResponse:
        response: aiohttp.ClientResponse = await ask(**arguments, _request_timeout=seconds)
        if response.status == 401:  # credentials of a cloud last for minutes, a training for hours
            response.close()
            await self._renew()
            response = await ask(**arguments, _request_timeout=seconds)
        if response.status < 300:
            return response
        message = _message(await response.read())
        if response.status in (429, 500, 502, 503, 504):
            raise ClusterUnavailable(f"the API server answers {response.status}: {message}")
        raise _Answered(response.status, message)

    def _refused(self, verb: str, resource: str, answer: _Answered) -> ClusterRefused:
        if answer.status == 401:
            return ClusterRefused(f"the cluster does not accept the kubeconfig's credentials: {answer.message}")
        if answer.status == 403 and "forbidden: User" in answer.message:
            return ClusterRefused(
                f"you may not {verb} {resource} in namespace {self.namespace}, if there is one:"
                f" {answer.message}; {_ROLE}"
            )
        return ClusterRefused(f"the cluster refuses to {verb} {resource} in {self.namespace}: {answer.message}")


@asynccontextmanager
async def connect(namespace: str, context: str | None) -> AsyncIterator[Cluster]:
    """A tenant's namespace of the cluster that the kubeconfig, or the pod that this runs in, names.

    Raises SettingsError where neither names one.
    """
    chosen = client.Configuration()
    kubeconfig = os.environ.get("KUBECONFIG") or str(Path.home() / ".kube" / "config")  # or several, with colons

    there = any(map(os.path.exists, kubeconfig.split(os.pathsep)))

    async def load() -> None:
        try:
            if there:
                await config.load_kube_config(kubeconfig, context, chosen)
            elif "KUBERNETES_SERVICE_HOST" in os.environ:
                config.load_incluster_config(client_configuration=chosen)
            else:
                raise SettingsError(f"no cluster to train on: no kubeconfig {kubeconfig}; name one with KUBECONFIG")
        except (config.ConfigException, OSError, ValueError) as error:
            raise SettingsError(
                f"no cluster to train on: {kubeconfig}: {error}; KUBECONFIG names another, --context a context of it"
            ) from error

    await load()
    chosen.retries = 0  # whoever asks decides
    async with client.ApiClient(chosen) as api:
        yield Cluster(api, namespace, load)


@contextmanager
def _unavailable() -> Iterator[None]:
    try:
        yield
    except TimeoutError as error:
        raise ClusterUnavailable(f"the API server did not answer within {_SECONDS:g} s") from error
    except (aiohttp.ClientError, OSError, ValueError) as error:
        raise ClusterUnavailable(f"the API server could not be asked: {error or type(error).__name__}") from error


def _message(body: bytes) -> str:
    """What the API server says in a Status, else the beginning of what came."""
    try:
        return str(json.loads(body)["message"])
    except (ValueError, KeyError, TypeError):
        return body[:200].decode(errors="replace")
