"""Every rule over one set of rendered manifests."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from headrace.manifests.objects import Finding, Manifests
from headrace.manifests.rules import access, disruption, images, network, pods, references, room, secrets, tenants

Rule = Callable[[Manifests], Iterable[Finding]]

RULES: tuple[Rule, ...] = (
    pods.probes,
    pods.security,
    pods.resources,
    pods.grace,
    pods.rollout,
    pods.spread,
    pods.surroundings,
    images.by_digest,
    references.pipeline,
    references.configuration,
    references.volumes,
    references.files,
    references.accounts,
    references.selectors,
    references.autoscalers,
    disruption.budgets,
    access.roles,
    access.bindings,
    secrets.values,
    tenants.ownership,
    tenants.bounds,
    room.room,
    network.closed,
    network.holes,
)
"""What holds for every legal combination of components, whatever images it will have."""


def findings(manifests: Manifests) -> list[Finding]:
    """Everything wrong with manifests that were rendered."""
    # A pipeline gives everything its names, labels and namespace: without one, nothing else that is said would help.
    without = list(references.pipeline(manifests))
    return without or [finding for rule in RULES for finding in rule(manifests)]


def deployable(manifests: Manifests) -> list[Finding]:
    """The same, and whether every image has been chosen."""
    return findings(manifests) + list(images.filled_in(manifests))
