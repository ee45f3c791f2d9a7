"""Every error that Headrace raises on purpose.

HeadraceError
├── UserError                 somebody can mend it by changing what they wrote; the message says where and how
│   ├── PipelineError         the pipeline file is wrong (carries every problem found, with its line)
│   ├── SettingsError         a setting is missing or wrong
│   ├── PlanError             what exists does not fit what the pipeline file asks for
│   └── ClusterRefused        Kubernetes said no: a permission, a policy, a credential or a wrong object
├── BadMessage                one message cannot be read; it goes to quarantine and the stream goes on
├── SchemaMismatch            another version of the pipeline file wrote this, and it cannot be read by this one
├── StoreError                object store
│   ├── NotFound              there is no such object
│   ├── PreconditionFailed    a conditional write lost: somebody else wrote first
│   ├── StoreRefused          the store refused for good (credentials, permissions, no such bucket)
│   ├── StoreUnavailable      it failed and nothing was written; trying again is safe
│   └── OutcomeUnknown        nobody can say whether it was written: read back before doing anything else
├── BrokerError               Kafka
│   ├── BrokerUnavailable     it failed and nothing was written
│   ├── BrokerRefused         Kafka refused for good (password, certificate, permission)
│   └── SendUnknown           a send was not acknowledged in time: the process must end (the record may be there)
├── ModelError                a model that must not be used: wrong hash, sample mismatch, bad manifest
│   └── DeviceMissing         the device that models are to run on is not there, or is not used
├── SnapshotError             a state snapshot that cannot be used (truncated, tampered, other plan)
├── NewerState                state that a newer version wrote: this one must not go on from older state beside it
├── Stuck                     a partition has work and has made no progress for too long
├── Fenced                    somebody else owns this partition or table now: drop the work, write nothing
├── DataLoss                  records were deleted unread, or a topic is another one: never skip or alias silently
├── QuarantineOverflow        more rows were rejected in a while than the pipeline allows
├── ClusterUnavailable        the Kubernetes API server could not be asked
├── JobUnknown                nobody can say how a job on the cluster ends, or whether it was created
└── StackError                the embedded stack (local Kafka, S3, services) could not start or stop
"""

from __future__ import annotations

from dataclasses import dataclass


class HeadraceError(Exception):
    """Root of every error that Headrace raises on purpose."""


class UserError(HeadraceError):
    """Somebody can mend this by changing what they wrote."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake in a pipeline file: where it is, what is wrong and what would mend it."""

    line: int  # 1-based; 0 where the file as a whole is meant
    path: str  # e.g. streams.departures.columns.origin
    message: str  # what was found and what was expected
    mend: str = ""  # what would mend it

    def __str__(self) -> str:
        mend = f" ({self.mend})" if self.mend else ""
        return f"line {self.line}: {self.path}: {self.message}{mend}"


class PipelineError(UserError):
    """The pipeline file is wrong; `problems` lists every mistake found, in the order of the file."""

    def __init__(self, file: str, problems: list[Problem]) -> None:
        self.file = file
        self.problems = problems
        super().__init__("\n".join(f"{file}: {problem}" for problem in problems))


class SettingsError(UserError):
    """A setting is missing or wrong."""


class PlanError(UserError):
    """What exists does not fit what the pipeline file asks for."""


class TopicsMissing(PlanError):
    """Topics of the pipeline do not exist, or not yet."""


class ClusterRefused(UserError):
    """Kubernetes said no for good: a permission, a policy, a credential or an object that is wrong."""


class BadMessage(HeadraceError):
    """One message cannot be read: `reason` is a code from contract.quarantine.Reason, the text says what was found."""

    def __init__(self, reason: str, detail: str) -> None:
        self.reason = reason
        self.detail = detail
        super().__init__(f"{reason}: {detail}")


class SchemaMismatch(HeadraceError):
    """Another version of the pipeline file wrote these rows, and this one cannot read them: never skip them."""


class StoreError(HeadraceError):
    """The object store could not do what was asked."""


class NotFound(StoreError):
    """There is no such object."""


class PreconditionFailed(StoreError):
    """A conditional write lost: somebody else wrote first."""


class StoreRefused(StoreError):
    """The store refused for good: credentials, permissions or a missing bucket."""


class StoreUnavailable(StoreError):
    """It failed and nothing was written; trying again is safe."""


class OutcomeUnknown(StoreError):
    """Nobody can say whether it was written: read back before doing anything else."""


class BrokerError(HeadraceError):
    """Kafka could not do what was asked."""


class BrokerUnavailable(BrokerError):
    """It failed and nothing was written."""


class BrokerRefused(BrokerError):
    """Kafka refused for good: a password, a certificate or a permission."""


class SendUnknown(BrokerError):
    """A send was not acknowledged in time: the record may or may not be there, so the process must end."""


class ModelError(HeadraceError):
    """A model that must not be used: wrong hash, sample mismatch or bad manifest."""


class DeviceMissing(ModelError):
    """The device that models are to run on is not there, or the runtime has fallen back to another."""


class SnapshotError(HeadraceError):
    """A state snapshot that cannot be used: truncated, tampered with or made by another plan."""


class NewerState(HeadraceError):
    """A newer version of Headrace wrote this state: one that goes on from older state would undo what that one did."""


class Stuck(HeadraceError):
    """A partition has work and has made no progress for too long."""


class Fenced(HeadraceError):
    """Somebody else owns this partition or table now: drop the work and write nothing."""


class DataLoss(HeadraceError):
    """Records were deleted before they were read, or a topic was created again: no row is skipped or aliased."""


class QuarantineOverflow(HeadraceError):
    """More rows were rejected in a while than the pipeline allows."""


class ClusterUnavailable(HeadraceError):
    """The Kubernetes API server did not answer, or refused to."""


class JobUnknown(HeadraceError):
    """The API server was lost: nobody can say how a job ends, or whether it was created. Look before trying again."""


class StackError(HeadraceError):
    """The embedded stack could not start or stop."""
