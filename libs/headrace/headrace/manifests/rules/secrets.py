"""Secrets: no manifest carries one."""

from __future__ import annotations

import re
from collections.abc import Iterator

from headrace.manifests.objects import Finding, Manifests, of_kind, pods, where

_NAMES = re.compile(r"PASSWORD|PASSPHRASE|SECRET_KEY|ACCESS_KEY|TOKEN|CREDENTIAL|PRIVATE_KEY", re.IGNORECASE)
_VALUES = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----|://[^/\s:@]+:[^/\s@]+@|\bAKIA[0-9A-Z]{16}\b")


def values(manifests: Manifests) -> Iterator[Finding]:
    """No Secret with content, no variable or ConfigMap that holds what looks like one."""
    for each in of_kind(manifests, "Secret"):
        if each.get("data") or each.get("stringData"):
            yield Finding(
                "secrets",
                where(each),
                "a Secret with its content in a manifest",
                "external-secrets, or make it by hand",
            )
    for each in of_kind(manifests, "ConfigMap"):
        for key, value in (each.get("data") or {}).items():
            if _is_secret(key, value):
                yield Finding(
                    "secrets", where(each), f"{key} looks like a secret: it belongs into headrace-credentials"
                )
    for pod in pods(manifests):
        for container in pod.containers:
            for variable in container.get("env", ()):
                if _is_secret(variable["name"], variable.get("value") or ""):
                    yield Finding(
                        "secrets", pod.where, f"{variable['name']} looks like a secret with its value beside it"
                    )


def _is_secret(name: str, value: str) -> bool:
    return bool(value and _NAMES.search(name)) or bool(_VALUES.search(value))
