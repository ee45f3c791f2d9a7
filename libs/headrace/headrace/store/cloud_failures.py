"""What a failed call to Google's or Azure's store means: nothing written, refused, lost a condition, or nobody knows.

The library tells statuses and connection failures apart only in the text of its errors ("Debug source"), so that is
what is read here. What is not recognised counts as unknown, which is always safe.
"""

from __future__ import annotations

import re

from obstore.exceptions import (
    AlreadyExistsError,
    BaseError,
    PermissionDeniedError,
    PreconditionError,
    UnauthenticatedError,
)

from headrace.contract.errors import (
    NotFound,
    OutcomeUnknown,
    PreconditionFailed,
    StoreError,
    StoreRefused,
    StoreUnavailable,
)

_STATUS = re.compile(r"\bstatus: (\d{3})\b")
_CODE = re.compile(r"<Code>(\w+)</Code>")
_NO_PLACE = frozenset({"ContainerNotFound", "NoSuchBucket", "AccountNotFound"})
_NO_TOKEN = ("TokenRequest", "token request", "Error authorizing request")


def translate(error: BaseError | OSError | ValueError, where: str, *, writes: bool) -> StoreError:
    """The error of ours that a failed call amounts to; `where` names verb, key and place, never a secret."""
    text = str(error)
    if any(sign in text for sign in _NO_TOKEN):
        return StoreUnavailable(f"{where}: no credentials ({_first_line(text)}); check the pod's or machine's identity")
    status = int(found[1]) if (found := _STATUS.search(text)) else 0
    code = found[1] if (found := _CODE.search(text)) else ""
    said = f"{where}: the store answered {status or type(error).__name__} {code}".rstrip()
    if code in _NO_PLACE:
        return StoreRefused(f"{said}; make the bucket or container, or correct its name")
    if isinstance(error, AlreadyExistsError | PreconditionError) or status == 412:
        return PreconditionFailed(said)
    if isinstance(error, FileNotFoundError) or status == 404:
        # To overwrite a version of what is not there is a condition that does not hold.
        return PreconditionFailed(said) if "If-Match" in where else NotFound(said)
    if isinstance(error, PermissionDeniedError | UnauthenticatedError) or status in (401, 403):
        return StoreRefused(f"{said}; check the identity or the key, and its permissions")
    if status == 429:
        return StoreUnavailable(said)
    if 300 <= status < 500:
        return StoreRefused(said)
    if not status and "kind: Connect," in text:
        return StoreUnavailable(f"{where}: could not connect ({_first_line(text)}); is the store up?")
    if isinstance(error, ValueError):
        return StoreRefused(f"{where}: the call could not be made ({_first_line(text)})")
    said = said if status else f"{where}: the connection failed after sending ({_first_line(text)})"
    return OutcomeUnknown(f"{said}; it may or may not have been written") if writes else StoreUnavailable(said)


def _first_line(text: str) -> str:
    return text.splitlines()[0] if text else "no reason was given"
