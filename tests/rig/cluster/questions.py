"""Many questions to the API server's authoriser: who may what, by SubjectAccessReview."""

from __future__ import annotations

import json
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from rig.cluster.kube import Kube, Object

_PATH = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
_ACCOUNT = "system:serviceaccount:"
_AT_ONCE = 4  # client and server share the cores of this machine


@dataclass(frozen=True, slots=True)
class Question:
    """May a subject, a service account or else a group, do this to a resource such as `pods/exec` or `jobs.batch`?

    An empty place is the whole cluster, an empty name any of them.
    """

    subject: str
    place: str
    resource: str
    verb: str
    name: str = ""

    def review(self) -> Object:
        """The object that asks it."""
        resource, _, group = self.resource.partition(".")
        resource, _, part = resource.partition("/")
        attributes = {
            "namespace": self.place,
            "verb": self.verb,
            "group": group,
            "resource": resource,
            "subresource": part,
            "name": self.name,
        }
        return {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SubjectAccessReview",
            "spec": self._identity() | {"resourceAttributes": attributes},
        }

    def _identity(self) -> Object:
        """The user and the groups as which the API server would know the subject."""
        if not self.subject.startswith(_ACCOUNT):
            return {"user": "somebody", "groups": [self.subject, "system:authenticated"]}
        namespace, _ = self.subject.removeprefix(_ACCOUNT).split(":")
        groups = ["system:serviceaccounts", f"system:serviceaccounts:{namespace}", "system:authenticated"]
        return {"user": self.subject, "groups": groups}


def allowed(kube: Kube, questions: Iterable[Question]) -> list[bool]:
    """The answers, in order."""

    def ask(question: Question) -> bool:
        answer: bool = json.loads(kube.post(_PATH, json.dumps(question.review())))["status"]["allowed"]
        return answer

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return list(pool.map(ask, questions))
