"""What a failed call to Kafka means: it was away, or it refused us; and what would mend a refusal.

aiokafka only logs why it could not connect: a wrong password and a certificate that nobody trusts both end in "Unable
to bootstrap". So the log is listened to while a client starts, and the errors it tells of are judged like any other.
"""

from __future__ import annotations

import logging
import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from aiokafka.errors import (
    AuthenticationFailedError,
    ClusterAuthorizationFailedError,
    GroupAuthorizationFailedError,
    IllegalSaslStateError,
    SaslAuthenticationFailed,
    TopicAuthorizationFailedError,
    TransactionalIdAuthorizationFailed,
    UnsupportedSaslMechanismError,
)

from headrace.contract.errors import BrokerError, BrokerRefused, BrokerUnavailable
from headrace.runtime.kafka_access import KafkaAccess

_ACLS = "`headrace tenant acls` lists what a tenant needs"
_CLIENT_CERTIFICATE = ("CERTIFICATE_REQUIRED", "BAD_CERTIFICATE", "UNKNOWN_CA", "CERTIFICATE_UNKNOWN", "EXPIRED")
"""Reasons (OpenSSL's names of TLS alerts) by which a server turns a client's certificate down."""


def translate(error: BaseException, what: str) -> BrokerError:
    """The error of ours that a failed call amounts to; `what` says what was asked."""
    refused = refusal(error)
    return BrokerRefused(f"{what}: {refused}") if refused else BrokerUnavailable(f"{what}: {error!r}")


def refusal(error: BaseException) -> str | None:
    """Why Kafka refused and what would mend it, where this error or one behind it is a refusal; else None."""
    behind: BaseException | None = error
    while behind is not None:
        if said := _permission(behind) or _password(behind) or _certificate(behind):
            return said
        behind = behind.__cause__
    return None


def no_connection(access: KafkaAccess, error: BaseException, reasons: Sequence[object]) -> BrokerError:
    """The error of a client that could not start; `reasons` are what it logged, errors as they are."""
    where = f"cannot reach Kafka at {access.servers}"
    for reason in (*reversed(reasons), error):
        if isinstance(reason, BaseException) and (said := refusal(reason)):
            return BrokerRefused(f"{where}: {said}")
    why = reasons[-1] if reasons else error
    speaks = f"Does it speak {access.security} there (HEADRACE_KAFKA_SECURITY)?"
    return BrokerUnavailable(f"{where}: {str(why) or repr(why)}; is Kafka up there, and is the address right? {speaks}")


@contextmanager
def told_reasons() -> Iterator[list[object]]:
    """What aiokafka logs meanwhile: the errors among a record's arguments, else its text."""
    reasons = _Reasons()
    logger = logging.getLogger("aiokafka")
    logger.addHandler(reasons)
    try:
        yield reasons.told
    finally:
        logger.removeHandler(reasons)


class _Reasons(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.told: list[object] = []

    def emit(self, record: logging.LogRecord) -> None:
        arguments = record.args if isinstance(record.args, tuple) else ()
        errors = [argument for argument in arguments if isinstance(argument, BaseException)]
        self.told.extend(errors or [record.getMessage()])


def _permission(error: BaseException) -> str | None:
    named = ", ".join(sorted(map(str, _names(error))))
    if isinstance(error, TopicAuthorizationFailedError):
        return f"not allowed on the topic {named}; grant it to this principal ({_ACLS})"
    if isinstance(error, GroupAuthorizationFailedError):
        return f"not allowed in the consumer group {named}; grant READ on it to this principal ({_ACLS})"
    if isinstance(error, TransactionalIdAuthorizationFailed):
        return f"not allowed to write in the transactions of {named}; grant WRITE on them to this principal ({_ACLS})"
    if isinstance(error, ClusterAuthorizationFailedError):
        return f"not allowed on the cluster (idempotent writes need WRITE on one topic at least; {_ACLS})"
    return None


def _names(error: BaseException) -> Sequence[object]:
    """What the library names: a topic or a group, or a set of them."""
    first = error.args[0] if error.args else ""
    return tuple(first) if isinstance(first, set | frozenset | list | tuple) else (first,)


def _password(error: BaseException) -> str | None:
    if isinstance(error, SaslAuthenticationFailed | AuthenticationFailedError):
        return f"it does not know this user with this password ({error}); check HEADRACE_KAFKA_USER and its PASSWORD"
    if isinstance(error, UnsupportedSaslMechanismError | IllegalSaslStateError):
        return "it does not offer this way to sign in; check HEADRACE_KAFKA_SASL_MECHANISM and HEADRACE_KAFKA_SECURITY"
    return None


def _certificate(error: BaseException) -> str | None:
    if isinstance(error, ssl.SSLCertVerificationError):
        mend = (
            "write a name into HEADRACE_KAFKA that it was issued for"
            if "mismatch" in error.verify_message or "not valid for" in error.verify_message
            else "name the file of its CA in HEADRACE_KAFKA_CA_FILE"
        )
        return f"its certificate is not trusted ({error.verify_message}); {mend}"
    if isinstance(error, ssl.SSLError) and any(reason in (error.reason or "") for reason in _CLIENT_CERTIFICATE):
        return f"it does not take our certificate ({error.reason}); check HEADRACE_KAFKA_CERT_FILE and its KEY_FILE"
    return None
