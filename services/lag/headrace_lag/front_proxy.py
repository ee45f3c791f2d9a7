"""The API server's aggregator as front proxy: its certificate proves it, its headers name the user behind it.

https://kubernetes.io/docs/tasks/extend-kubernetes/configure-aggregation-layer/ ; the certificate's chain is checked by
TLS, everything else here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import unquote

from headrace.contract.errors import HeadraceError

from headrace_lag.access import User

_EVERYBODY = "system:authenticated"
_NOBODY = frozenset({_EVERYBODY, "system:unauthenticated"})

PeerCertificate = Mapping[str, Sequence[Sequence[tuple[str, str]]]]
"""What Python's ssl says of a certificate whose chain it has checked; the subject's parts are pairs."""


class Unauthenticated(HeadraceError):
    """Nobody whom we know asks; nothing that the request says of a user counts."""


@dataclass(frozen=True, slots=True)
class FrontProxy:
    """Whose word is taken: certificates of `authority` (PEM) with a common name in `allowed` (empty: any)."""

    authority: str
    allowed: frozenset[str]
    user_headers: tuple[str, ...]
    uid_headers: tuple[str, ...]
    group_headers: tuple[str, ...]
    extra_prefixes: tuple[str, ...]


def authenticate(certificate: PeerCertificate | None, headers: Iterable[tuple[str, str]], proxy: FrontProxy) -> User:
    """The user on whose behalf the front proxy asks; raises Unauthenticated.

    Everybody who was authenticated is in system:authenticated, as with kube-apiserver itself.
    """
    if not certificate:
        raise Unauthenticated("no client certificate: only the API server's aggregator may ask here")
    names = [value for part in certificate["subject"] for key, value in part if key == "commonName"]
    if len(names) != 1 or (proxy.allowed and names[0] not in proxy.allowed):
        raise Unauthenticated(f"the client certificate of {', '.join(names)} is not one of the aggregator's")
    said = [(name.lower(), value) for name, value in headers]
    name = next(iter(_values(said, proxy.user_headers)), "")
    if not name:
        raise Unauthenticated(f"no user: {' and '.join(proxy.user_headers) or 'its header'} missing or empty")
    groups = _values(said, proxy.group_headers)
    if name != "system:anonymous" and _NOBODY.isdisjoint(groups):
        groups.append(_EVERYBODY)
    uid = next(iter(_values(said, proxy.uid_headers)), "")
    return User(name, tuple(groups), uid, _extra(said, proxy.extra_prefixes))


def _values(said: list[tuple[str, str]], wanted: Sequence[str]) -> list[str]:
    """The values of the first of the wanted headers that has any."""
    for header in wanted:
        values = [value for name, value in said if name == header.lower() and value]
        if values:
            return values
    return []


def _extra(said: list[tuple[str, str]], prefixes: Sequence[str]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    found: dict[str, list[str]] = {}
    for prefix in map(str.lower, prefixes):
        for name, value in said:
            if name.startswith(prefix):
                found.setdefault(unquote(name.removeprefix(prefix)), []).append(value)
    return tuple((key, tuple(values)) for key, values in sorted(found.items()))
