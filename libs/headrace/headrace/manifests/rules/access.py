"""Roles: no wildcards, nothing that leads to more rights, no secrets."""

from __future__ import annotations

from collections.abc import Iterator

from headrace.manifests.objects import Finding, Manifests, of_kind, where

_LEADS_ON = {"escalate", "bind", "impersonate"}
_OPENS = {"secrets", "pods/exec", "serviceaccounts/token", "nodes/proxy", "pods/portforward"}


def roles(manifests: Manifests) -> Iterator[Finding]:
    """A rule names groups, resources and verbs, and none of those that open everything."""
    for role in of_kind(manifests, "Role", "ClusterRole"):
        for rule in role.get("rules", ()):
            said = {*rule.get("apiGroups", ()), *rule.get("resources", ()), *rule.get("verbs", ())}
            if any("*" in word for word in (*said, *rule.get("nonResourceURLs", ()))):
                yield Finding("roles", where(role), "has a wildcard: name groups, resources and verbs")
            for verb in sorted(_LEADS_ON.intersection(rule.get("verbs", ()))):
                yield Finding("roles", where(role), f"the verb {verb!r} leads to rights that it does not name")
            for resource in sorted(_OPENS.intersection(rule.get("resources", ()))):
                yield Finding("roles", where(role), f"opens {resource}")


def bindings(manifests: Manifests) -> Iterator[Finding]:
    """Nobody is made an administrator, and nothing is given to everybody."""
    for binding in of_kind(manifests, "RoleBinding", "ClusterRoleBinding"):
        if binding["roleRef"]["name"] in ("cluster-admin", "admin", "edit"):
            yield Finding("bindings", where(binding), f"binds {binding['roleRef']['name']}: name a narrower role")
        for subject in binding.get("subjects", ()):
            if subject["name"] in ("system:authenticated", "system:unauthenticated", "system:serviceaccounts"):
                yield Finding("bindings", where(binding), f"gives rights to {subject['name']}, which is everybody")
