"""Bodies of external.metrics.k8s.io/v1beta1 as kube-apiserver, the HPA controller and kubectl read them.

Shapes: k8s.io/metrics `pkg/apis/external_metrics/v1beta1`, apimachinery `meta/v1` and `apidiscovery/v2`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from headrace_lag.access import GROUP, VERSION

Body = dict[str, Any]  # Any: JSON

AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
"""The media type of aggregated discovery; kube-apiserver asks for it and falls back to the older one."""

_KIND = "ExternalMetricValueList"
_FULL = f"{GROUP}/{VERSION}"
_REASONS = {
    400: "BadRequest",
    401: "Unauthorized",
    403: "Forbidden",
    404: "NotFound",
    405: "MethodNotAllowed",
    500: "InternalError",
    503: "ServiceUnavailable",
}


@dataclass(frozen=True, slots=True)
class Item:
    """One value of a metric, what it belongs to and when it was observed."""

    labels: dict[str, str]
    value: float
    at: datetime  # UTC


def values(metric: str, items: Iterable[Item]) -> Body:
    """An ExternalMetricValueList."""
    return {
        "kind": _KIND,
        "apiVersion": _FULL,
        "metadata": {},
        "items": [
            {
                "metricName": metric,
                "metricLabels": item.labels,
                "timestamp": item.at.strftime("%Y-%m-%dT%H:%M:%SZ"),
                "value": quantity(item.value),
            }
            for item in items
        ],
    }


def quantity(value: float) -> str:
    """A number of at least 0 as a Kubernetes quantity: whole, or in thousandths (`1500m`)."""
    thousandths = round(value * 1000)
    return f"{thousandths}m" if thousandths % 1000 else str(thousandths // 1000)


def status(code: int, message: str) -> Body:
    """A Status that says why there is no answer."""
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": message,
        "reason": _REASONS[code],
        "code": code,
    }


def groups() -> Body:
    """`/apis`: an APIGroupList with the one group."""
    return {"kind": "APIGroupList", "apiVersion": "v1", "groups": [_group()]}


def group() -> Body:
    """`/apis/<group>`."""
    return {"kind": "APIGroup", "apiVersion": "v1", **_group()}


def resources(metrics: Iterable[str]) -> Body:
    """`/apis/<group>/<version>`: the metrics as namespaced resources."""
    return {
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": _FULL,
        "resources": [
            {"name": metric, "singularName": "", "namespaced": True, "kind": _KIND, "verbs": ["get"]}
            for metric in metrics
        ],
    }


def aggregated(metrics: Iterable[str]) -> Body:
    """`/apis` for who accepts aggregated discovery: groups, versions and resources at once."""
    found = [
        {
            "resource": metric,
            "responseKind": {"group": "", "version": "", "kind": _KIND},
            "scope": "Namespaced",
            "singularResource": "",
            "verbs": ["get"],
        }
        for metric in metrics
    ]
    version = {"version": VERSION, "resources": found, "freshness": "Current"}
    return {
        "kind": "APIGroupDiscoveryList",
        "apiVersion": "apidiscovery.k8s.io/v2",
        "metadata": {},
        "items": [{"metadata": {"name": GROUP, "creationTimestamp": None}, "versions": [version]}],
    }


def _group() -> Body:
    version = {"groupVersion": _FULL, "version": VERSION}
    return {"name": GROUP, "versions": [version], "preferredVersion": version}
