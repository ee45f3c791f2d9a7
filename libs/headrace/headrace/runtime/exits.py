"""Why a service ended, as its exit status; docs/reference/exit-codes.md lists them, so the numbers stay."""

from __future__ import annotations

from enum import IntEnum

from headrace.contract.errors import (
    BrokerRefused,
    BrokerUnavailable,
    ClusterUnavailable,
    DataLoss,
    Fenced,
    JobUnknown,
    ModelError,
    NewerState,
    QuarantineOverflow,
    SchemaMismatch,
    SendUnknown,
    SnapshotError,
    StackError,
    StoreError,
    Stuck,
    UserError,
)


class Exit(IntEnum):
    """Exit statuses of a service; 1 is left to Python, 128 and above to signals."""

    DONE = 0  # told to stop, and everything was handed over
    USER = 2  # the pipeline file, a setting or what exists must be mended first
    FAULT = 10  # a fault of Headrace's own: the log has its trace
    BROKER = 11  # Kafka was away for too long
    SEND = 12  # a send was not acknowledged in time: its outcome is unknown
    STUCK = 13  # a partition had work and made no progress
    STORE = 14  # the object store was away, refused, or left an outcome unknown
    DRAIN = 15  # told to stop, but the running steps did not end in time
    FENCED = 16  # somebody else owns the work now
    DATA_LOSS = 17  # records were deleted before they were read, or a topic was created again
    QUARANTINE = 18  # more rows were rejected than the pipeline allows
    STATE = 19  # no usable state: a snapshot or the committed marks do not fit the plan or are a newer version's
    MODEL = 20  # a model that must not be used, or its device is missing
    REFUSED = 21  # Kafka refused for good: a password, a certificate or a permission
    CLUSTER = 22  # Kubernetes could not be asked, and nothing was done
    JOB = 23  # a job on the cluster was ended from outside: memory, deadline, eviction, deletion
    JOB_UNKNOWN = 24  # nobody can say how a job on the cluster ends, or whether it was created
    SCHEMA = 25  # a log holds messages of another version of the pipeline file that this one cannot read


_BY_ERROR: tuple[tuple[type[BaseException], Exit], ...] = (
    (UserError, Exit.USER),
    (StackError, Exit.USER),  # a folder, a disk, a port or a download of this machine
    (SendUnknown, Exit.SEND),
    (BrokerUnavailable, Exit.BROKER),
    (BrokerRefused, Exit.REFUSED),
    (StoreError, Exit.STORE),
    (Stuck, Exit.STUCK),
    (Fenced, Exit.FENCED),
    (DataLoss, Exit.DATA_LOSS),
    (QuarantineOverflow, Exit.QUARANTINE),
    (SchemaMismatch, Exit.SCHEMA),
    (SnapshotError, Exit.STATE),
    (NewerState, Exit.STATE),
    (ModelError, Exit.MODEL),
    (ClusterUnavailable, Exit.CLUSTER),
    (JobUnknown, Exit.JOB_UNKNOWN),
)


def exit_of(error: BaseException) -> Exit:
    """Return the exit status for an error that ends the process; an error nobody planned for is a FAULT."""
    return next((status for type_, status in _BY_ERROR if isinstance(error, type_)), Exit.FAULT)
