"""Who may what: every role of the suite as a row, written by hand; what is not here, nobody may."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

TENANTS = ("default", "blue", "green")
BACKING = "headrace-backing"
EVERYWHERE = ""  # as a place: the whole cluster, and what belongs to no namespace
PLACES = (*(f"headrace-{tenant}" for tenant in TENANTS), "headrace-system", "kube-system", BACKING, EVERYWHERE)


class Cell(NamedTuple):
    """One question: a verb on a resource (`pods/exec`, `jobs.batch`) in a place."""

    place: str
    resource: str
    verb: str


Rights = Mapping[str, str]
"""Verbs by resources, both as words in a text."""

SEE = "get list watch"
KEEP = "get list watch create update patch delete"

VIEWER: Rights = {
    "pods pods/log services configmaps events persistentvolumeclaims resourcequotas limitranges": SEE,
    "deployments.apps statefulsets.apps replicasets.apps controllerrevisions.apps": SEE,
    "jobs.batch cronjobs.batch": SEE,
    "horizontalpodautoscalers.autoscaling poddisruptionbudgets.policy networkpolicies.networking.k8s.io": SEE,
}
DEPLOYER: Rights = {
    "configmaps services serviceaccounts persistentvolumeclaims": KEEP,
    "pods": "get list watch delete",
    "pods/log events": SEE,
    "deployments.apps statefulsets.apps": KEEP,
    "replicasets.apps controllerrevisions.apps": SEE,
    "jobs.batch cronjobs.batch": KEEP,
    "horizontalpodautoscalers.autoscaling poddisruptionbudgets.policy": KEEP,
}
TRAINER: Rights = {
    "jobs.batch": "get list watch create delete",
    "cronjobs.batch": "get list",
    "pods pods/log events": SEE,
}
DEBUG: Rights = {
    "pods pods/log": SEE,
    "pods/ephemeralcontainers": "patch",
    "pods/attach": "create get",
}
LAG: Rights = {"deployments.apps statefulsets.apps": "list"}

NOTHING: Mapping[str, Rights] = {}


def pairs(rights: Rights) -> Iterator[tuple[str, str]]:
    """Each resource with each of its verbs."""
    for resources, verbs in rights.items():
        for resource in resources.split():
            for verb in verbs.split():
                yield resource, verb


def _account(namespace: str, name: str) -> str:
    return f"system:serviceaccount:{namespace}:{name}"


ROWS: Mapping[str, Mapping[str, Rights]] = {
    **{f"headrace:{tenant}:viewers": {f"headrace-{tenant}": VIEWER} for tenant in TENANTS},
    **{f"headrace:{tenant}:deployers": {f"headrace-{tenant}": DEPLOYER} for tenant in TENANTS},
    **{f"headrace:{tenant}:trainers": {f"headrace-{tenant}": TRAINER} for tenant in TENANTS},
    "headrace:debug": {"headrace-default": DEBUG},
    _account("headrace-system", "lag"): {
        EVERYWHERE: {"subjectaccessreviews.authorization.k8s.io": "create"},
        **{f"headrace-{tenant}": LAG for tenant in TENANTS},
    },
    **{
        _account(f"headrace-{tenant}", f"{pipeline}-{name}"): NOTHING
        for tenant, pipeline, names in (
            ("default", "flights", "ingestion cleaning feature-engineering inference lake topics training"),
            ("blue", "orders", "ingestion cleaning feature-engineering inference lake topics"),
            ("green", "meters", "ingestion cleaning lake topics"),
        )
        for name in names.split()
    },
    **{_account(BACKING, name): NOTHING for name in ("kafka", "s3")},
}
"""By subject, a group or a service account, and by place."""

_VERBS = "get list watch create update patch delete deletecollection"
_IN_NAMESPACES: Rights = {
    """
    pods pods/log pods/exec pods/attach pods/portforward pods/proxy pods/eviction pods/ephemeralcontainers pods/status
    services configmaps secrets serviceaccounts serviceaccounts/token events persistentvolumeclaims resourcequotas
    limitranges
    deployments.apps deployments/scale.apps statefulsets.apps statefulsets/scale.apps replicasets.apps daemonsets.apps
    controllerrevisions.apps
    jobs.batch cronjobs.batch horizontalpodautoscalers.autoscaling poddisruptionbudgets.policy
    networkpolicies.networking.k8s.io ingresses.networking.k8s.io endpointslices.discovery.k8s.io
    leases.coordination.k8s.io roles.rbac.authorization.k8s.io rolebindings.rbac.authorization.k8s.io
    headrace_desired_replicas.external.metrics.k8s.io
    podmonitors.monitoring.coreos.com scaledobjects.keda.sh externalsecrets.external-secrets.io
    """: _VERBS,
    "roles.rbac.authorization.k8s.io": "bind escalate",
    "serviceaccounts": "impersonate",
}
_OF_THE_CLUSTER: Rights = {
    """
    namespaces nodes nodes/proxy persistentvolumes priorityclasses.scheduling.k8s.io
    clusterroles.rbac.authorization.k8s.io clusterrolebindings.rbac.authorization.k8s.io
    subjectaccessreviews.authorization.k8s.io tokenreviews.authentication.k8s.io
    certificatesigningrequests.certificates.k8s.io certificatesigningrequests/approval.certificates.k8s.io
    validatingadmissionpolicies.admissionregistration.k8s.io
    validatingadmissionpolicybindings.admissionregistration.k8s.io
    customresourcedefinitions.apiextensions.k8s.io apiservices.apiregistration.k8s.io
    """: _VERBS,
    "clusterroles.rbac.authorization.k8s.io": "bind escalate",
    "users groups": "impersonate",
}
ASKED = frozenset(pairs(_IN_NAMESPACES)) | frozenset(pairs(_OF_THE_CLUSTER))
"""Every resource and verb that is asked for every subject."""


def cells(subject: str) -> list[Cell]:
    """What is asked for a subject: all of it, in each namespace and for the cluster as a whole."""
    own = subject.split(":")[2] if subject.startswith("system:serviceaccount:") else ""
    places = [place for place in PLACES if place != BACKING or own == BACKING]  # nobody else has to do with that one
    namespaced = [Cell(place, *asked) for place in places for asked in sorted(pairs(_IN_NAMESPACES))]
    return namespaced + [Cell(EVERYWHERE, *asked) for asked in sorted(pairs(_OF_THE_CLUSTER))]


def row(subject: str) -> set[Cell]:
    """The cells in which a subject is answered yes."""
    return {Cell(place, resource, verb) for place, rights in ROWS[subject].items() for resource, verb in pairs(rights)}
