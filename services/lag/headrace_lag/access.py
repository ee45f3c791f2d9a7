"""Who asks, for what, and whether they may; answers of the API server are kept for a moment."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

GROUP = "external.metrics.k8s.io"
VERSION = "v1beta1"

_KEPT_SECONDS = 10.0
_MOST = 1000


@dataclass(frozen=True, slots=True)
class User:
    """A user as the front proxy names it."""

    name: str
    groups: tuple[str, ...] = ()
    uid: str = ""
    extra: tuple[tuple[str, tuple[str, ...]], ...] = ()


@dataclass(frozen=True, slots=True)
class Attributes:
    """What is asked for: a resource, or a path that is none (`resource` is None)."""

    verb: str
    path: str
    group: str = ""
    version: str = ""
    namespace: str = ""
    resource: str | None = None


def attributes(path: str) -> Attributes:
    """What a GET of a path asks for, as kube-apiserver sees it: without a name it is a `list`."""
    parts = path.strip("/").split("/")
    match parts:
        case ["apis", group, version, "namespaces", namespace, resource]:
            return Attributes("list", path, group, version, namespace, resource)
    return Attributes("get", path)


class Gate:
    """Asks `may` and keeps the answer for 10 s, as kube-apiserver's own delegation does; time is a parameter."""

    def __init__(self, may: Callable[[User, Attributes], Awaitable[bool]]) -> None:
        self._may = may
        self._kept: OrderedDict[tuple[User, Attributes], tuple[float, bool]] = OrderedDict()

    async def allows(self, user: User, wanted: Attributes, now: float) -> bool:
        """Whether the user may; raises ClusterUnavailable."""
        key = (user, wanted)
        kept = self._kept.get(key)
        if kept is not None and now - kept[0] < _KEPT_SECONDS:
            return kept[1]
        answer = await self._may(user, wanted)
        self._kept[key] = (now, answer)
        self._kept.move_to_end(key)
        while len(self._kept) > _MOST:
            self._kept.popitem(last=False)
        return answer
