"""What the Kubernetes API server is asked: workloads, the aggregator's certificate authority, and who may what."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Literal, TypeVar

import aiohttp
from headrace.contract.errors import ClusterUnavailable, SettingsError
from kubernetes.aio import client, config
from kubernetes.aio.client.exceptions import ApiException
from pydantic import ValidationError

from headrace_lag.access import Attributes, User
from headrace_lag.front_proxy import FrontProxy
from headrace_lag.workload import PART_OF, PIPELINE, SERVICE, Workload, rolling_out

T = TypeVar("T")


class Cluster:
    """Every question has a deadline and raises ClusterUnavailable when it is not answered."""

    def __init__(self, api: client.ApiClient, seconds: float) -> None:
        self._apps = client.AppsV1Api(api)
        self._core = client.CoreV1Api(api)
        self._authorization = client.AuthorizationV1Api(api)
        self._seconds = seconds

    async def workloads(self, namespace: str) -> dict[tuple[str, str], Workload]:
        """The Deployments and StatefulSets of a namespace that belong to a pipeline, by pipeline and service."""
        selector = f"{PART_OF}=headrace,{PIPELINE}"
        deployments = await self._ask(
            f"deployments of {namespace}",
            self._apps.list_namespaced_deployment,
            namespace=namespace,
            label_selector=selector,
        )
        sets = await self._ask(
            f"statefulsets of {namespace}",
            self._apps.list_namespaced_stateful_set,
            namespace=namespace,
            label_selector=selector,
        )
        found: list[client.V1Deployment | client.V1StatefulSet] = [*deployments.items, *sets.items]
        workloads: dict[tuple[str, str], Workload] = {}
        for item in found:
            if item.metadata is None or item.spec is None or item.status is None:
                continue  # never from an API server: the model only says that it may be
            labels = item.metadata.labels or {}
            workloads[labels[PIPELINE], labels.get(SERVICE, "")] = Workload(
                replicas=1 if item.spec.replicas is None else item.spec.replicas,  # the API's default
                ready=item.status.ready_replicas or 0,
                rolling_out=rolling_out(
                    seen=(item.status.observed_generation or 0) >= (item.metadata.generation or 0),
                    replicas=item.status.replicas or 0,
                    updated=item.status.updated_replicas or 0,
                ),
            )
        return workloads

    async def front_proxy(self) -> FrontProxy:
        """Whom the API server names as its front proxy (kube-system/extension-apiserver-authentication)."""
        name = "extension-apiserver-authentication"
        found = await self._ask(name, self._core.read_namespaced_config_map, name=name, namespace="kube-system")
        data = found.data or {}
        if "requestheader-client-ca-file" not in data:
            raise ClusterUnavailable(
                f"the ConfigMap kube-system/{name} has no requestheader-client-ca-file: the API server's aggregation"
                " layer is not set up (--requestheader-client-ca-file)"
            )

        def names(key: str) -> tuple[str, ...]:
            return tuple(json.loads(data.get(f"requestheader-{key}", "[]")))

        return FrontProxy(
            authority=data["requestheader-client-ca-file"],
            allowed=frozenset(names("allowed-names")),
            user_headers=names("username-headers"),
            uid_headers=names("uid-headers"),
            group_headers=names("group-headers"),
            extra_prefixes=names("extra-headers-prefix"),
        )

    async def may(self, user: User, attributes: Attributes) -> bool:
        """Whether a user may do something (SubjectAccessReview)."""
        spec = client.V1SubjectAccessReviewSpec(
            user=user.name,
            uid=user.uid or None,
            groups=list(user.groups),
            extra={key: list(values) for key, values in user.extra} or None,
            resource_attributes=None
            if attributes.resource is None
            else client.V1ResourceAttributes(
                group=attributes.group,
                version=attributes.version,
                namespace=attributes.namespace,
                resource=attributes.resource,
                verb=attributes.verb,
            ),
            non_resource_attributes=client.V1NonResourceAttributes(path=attributes.path, verb=attributes.verb)
            if attributes.resource is None
            else None,
        )
        review = client.V1SubjectAccessReview(spec=spec)
        answer = await self._ask("subject access review", self._authorization.create_subject_access_review, body=review)
        return answer.status is not None and bool(answer.status.allowed)

    async def _ask(self, what: str, ask: Callable[..., Awaitable[T]], **arguments: object) -> T:
        try:
            return await ask(**arguments, _request_timeout=self._seconds)
        except ApiException as error:
            raise ClusterUnavailable(f"{what}: the API server answers {error.status} {error.reason}") from error
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise ClusterUnavailable(f"{what}: {error!r}") from error
        except (ValidationError, ValueError) as error:
            raise ClusterUnavailable(f"{what}: an answer that is none: {error}") from error


@asynccontextmanager
async def cluster(where: Literal["none", "pod", "kubeconfig"], seconds: float) -> AsyncIterator[Cluster | None]:
    """The API server that is to be asked, None for none; raises SettingsError that says what is missing."""
    if where == "none":
        yield None
        return
    chosen = client.Configuration()
    try:
        if where == "pod":
            config.load_incluster_config(client_configuration=chosen)
        else:
            await config.load_kube_config(client_configuration=chosen)
    except (config.ConfigException, OSError) as error:
        raise SettingsError(f"HEADRACE_LAG_KUBERNETES={where}: {error}") from error
    chosen.retries = 0  # the next look comes soon enough
    async with client.ApiClient(chosen) as api:
        yield Cluster(api, seconds)
