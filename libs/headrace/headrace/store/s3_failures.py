"""What a failed S3 call means: nothing written, refused, lost a condition, or nobody knows."""

from __future__ import annotations

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    CredentialRetrievalError,
    EndpointConnectionError,
    HTTPClientError,
    NoCredentialsError,
    ParamValidationError,
    ProxyConnectionError,
    SSLError,
)

from headrace.contract.errors import (
    NotFound,
    OutcomeUnknown,
    PreconditionFailed,
    StoreError,
    StoreRefused,
    StoreUnavailable,
)

_BEFORE_SENDING = (ConnectTimeoutError, EndpointConnectionError, ProxyConnectionError, SSLError)
_NO_CREDENTIALS = (NoCredentialsError, CredentialRetrievalError)
_TRY_AGAIN_CODES = frozenset({"RequestTimeout", "ConditionalRequestConflict", "OperationAborted", "TooManyRequests"})


def translate(error: ClientError | BotoCoreError | HTTPClientError, where: str, *, writes: bool) -> StoreError:
    """The error of ours that a failed call amounts to; `where` names verb, key, bucket and endpoint, never a secret."""
    if isinstance(error, ClientError):
        return _answered(error, where, writes=writes)
    if isinstance(error, _BEFORE_SENDING):
        return StoreUnavailable(f"{where}: could not connect ({type(error).__name__}); is the store up?")
    if isinstance(error, _NO_CREDENTIALS):
        mend = "set the access key and its secret, or give the pod or the machine an identity"
        return StoreRefused(f"{where}: no credentials ({error}); {mend}")
    if isinstance(error, ParamValidationError):
        return StoreRefused(f"{where}: the call could not be made ({type(error).__name__}: {error})")
    return _lost(f"{where}: the connection failed after sending ({type(error).__name__})", writes=writes)


def _answered(error: ClientError, where: str, *, writes: bool) -> StoreError:
    code = error.response.get("Error", {}).get("Code", "")
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    said = f"{where}: the store answered {status} {code}"
    if code == "NoSuchBucket":
        return StoreRefused(f"{said}; make the bucket or correct its name")
    if status in (401, 403):
        return StoreRefused(f"{said}; check the access key, its secret and its permissions")
    if status == 412:
        return PreconditionFailed(said)
    if status == 404:
        # To overwrite a version of what is not there is a condition that does not hold.
        return PreconditionFailed(said) if "If-Match" in where else NotFound(said)
    if status == 429 or code in _TRY_AGAIN_CODES:
        return StoreUnavailable(said)
    if 400 <= status < 500 or 300 <= status < 400:
        return StoreRefused(said)
    return _lost(said, writes=writes)


def _lost(said: str, *, writes: bool) -> StoreError:
    if writes:
        return OutcomeUnknown(f"{said}; it may or may not have been written")
    return StoreUnavailable(said)
