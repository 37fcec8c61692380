"""Our way to Temporal: everything that crosses is encrypted for its workflow, failures included."""

import dataclasses
import hashlib
import logging
from collections.abc import Callable, Sequence
from functools import cache
from typing import Self

import structlog
from google.protobuf.message import DecodeError
from temporalio.api.common.v1 import Payload
from temporalio.api.failure.v1 import Failure
from temporalio.client import Client
from temporalio.contrib.pydantic import PydanticPayloadConverter
from temporalio.converter import (
    ActivitySerializationContext,
    DataConverter,
    DefaultFailureConverterWithEncodedAttributes,
    PayloadCodec,
    PayloadConverter,
    SerializationContext,
    WithSerializationContext,
    WorkflowSerializationContext,
)
from temporalio.runtime import (
    LogForwardingConfig,
    LoggingConfig,
    PrometheusConfig,
    Runtime,
    TelemetryConfig,
    TelemetryFilter,
)

from contracts.errors import ConfigurationError, ConfigurationFault
from integrations.blobs.sealing import Keyring
from integrations.ledger.lock_times import BOUNDS_S, HELD, HISTOGRAM, LONGEST, LONGEST_HELD, LockTimes
from service.process.versions import HEARTBEAT
from workflows import foreign_messages

log = structlog.get_logger()
ENCODING = b"binary/wardflow-aes-gcm-2"
UNBOUND = b"binary/wardflow-aes-gcm"
"""Of versions that did not seal a value for its workflow."""
REFUSED = b"binary/wardflow-refused"
"""Stands for what did not open. No converter knows it: the SDK drops such a signal and refuses such an Update."""
PURPOSE = "temporal"
OpenedBefore = Callable[[str], bool]
"""Whether a workflow of this id was opened before values were sealed for their workflow. Raises LedgerError."""
OnRefused = Callable[[str, str, str], None]
"""Takes the id of the workflow, a digest of the message, and why it did not open."""


def never(_workflow_id: str) -> bool:
    """Return False: no workflow is known to be older than the binding of values."""
    return False


def disregard(_workflow_id: str, _digest: str, _why: str) -> None:
    """Do nothing: a command reads what the processes have counted."""


def log_refused(workflow_id: str, _digest: str, why: str) -> None:
    """Log that a message was refused."""
    log.warning("message_refused", workflow_id=workflow_id, reason=why)


class SealingCodec(PayloadCodec, WithSerializationContext):
    """AES-256-GCM with the key's id in each payload, so that keys can be rotated while cases wait.

    The id of the workflow is associated data: what was sealed for one does not open in another. The SDK gives it with
    starts, signals, Updates, queries, results, failures, heartbeats and memos. Where it gives none (a Nexus operation,
    an activity without a workflow), encoding raises ConfigurationError and nothing opens. Headers and search attributes
    never pass a codec: nothing of ours may be in them.

    Decoding never raises for what a message holds, since Temporal would repeat that workflow task for ever; it raises
    LedgerError while `opened_before` can't answer.
    """

    def __init__(
        self, keyring: Keyring, opened_before: OpenedBefore, on_refused: OnRefused, workflow_id: str | None = None
    ) -> None:
        self._keyring, self._opened_before, self._on_refused = keyring, opened_before, on_refused
        self._workflow_id = workflow_id

    def with_context(self, context: SerializationContext) -> Self:
        of_workflow = isinstance(context, WorkflowSerializationContext | ActivitySerializationContext)
        workflow_id = context.workflow_id if of_workflow else None
        return type(self)(self._keyring, self._opened_before, self._on_refused, workflow_id or None)

    async def encode(self, payloads: Sequence[Payload]) -> list[Payload]:
        if self._workflow_id is None:
            raise ConfigurationError(ConfigurationFault.UNBOUND, "a value that belongs to no workflow can't be sealed")
        purpose = _purpose(self._workflow_id)
        return [
            Payload(metadata={"encoding": ENCODING}, data=self._keyring.seal(p.SerializeToString(), purpose))
            for p in payloads
        ]

    async def decode(self, payloads: Sequence[Payload]) -> list[Payload]:
        return [self._open(payload) for payload in payloads]

    def _open(self, payload: Payload) -> Payload:
        id_, encoding = self._workflow_id or "", payload.metadata.get("encoding")
        if not id_:
            why = "no workflow"
        elif encoding == UNBOUND and not self._opened_before(id_):
            why = "sealed for no workflow"
        elif encoding in (ENCODING, UNBOUND):
            try:
                opened = self._keyring.open(payload.data, _purpose(id_) if encoding == ENCODING else PURPOSE)
                return Payload.FromString(opened)
            except (ConfigurationError, DecodeError) as fault:
                why = fault.kind if isinstance(fault, ConfigurationError) else ConfigurationFault.NOT_SEALED
        else:  # from someone who reached Temporal's port without our key
            why = ConfigurationFault.NOT_SEALED
        digest = hashlib.sha256(id_.encode() + b"\0" + payload.SerializeToString(deterministic=True)).hexdigest()[:32]
        self._on_refused(id_, digest, why)
        return Payload(metadata={"encoding": REFUSED})


def _purpose(workflow_id: str) -> str:
    return f"{PURPOSE}|{workflow_id}"


class SealedFailures(DefaultFailureConverterWithEncodedAttributes):
    """Believes an application's failure only where its text and type were sealed for this workflow.

    Temporal carries type, details and text of a failure beside each other: without this, whoever answers for a worker
    could say that someone else has decided. Failures that the server makes itself (time-outs) carry no seal.
    """

    def to_failure(self, exception: BaseException, payload_converter: PayloadConverter, failure: Failure) -> None:
        super().to_failure(exception, payload_converter, failure)
        if failure.HasField("application_failure_info") and failure.HasField("encoded_attributes"):
            told = payload_converter.from_payload(failure.encoded_attributes)
            told |= {"type": failure.application_failure_info.type}
            failure.encoded_attributes.CopyFrom(payload_converter.to_payload(told))

    def from_failure(self, failure: Failure, payload_converter: PayloadConverter) -> BaseException:
        try:
            return self._read(failure, payload_converter)
        except Exception:  # noqa: BLE001 - of a kind, time-out or category that there is not: ours are never so
            return foreign_messages.refusal()

    def _read(self, failure: Failure, payload_converter: PayloadConverter) -> BaseException:
        if failure.HasField("application_failure_info") and not _sealed(failure, payload_converter):
            return foreign_messages.refusal()
        known = Failure()
        known.CopyFrom(failure)
        timed_out, cancelled = known.timeout_failure_info, known.canceled_failure_info
        if not all(map(_opened, timed_out.last_heartbeat_details.payloads)):
            timed_out.ClearField("last_heartbeat_details")
        if not all(map(_opened, cancelled.details.payloads)):
            cancelled.ClearField("details")
        return super().from_failure(known, payload_converter)


def _sealed(failure: Failure, payload_converter: PayloadConverter) -> bool:
    info = failure.application_failure_info
    if not failure.HasField("encoded_attributes") or not _opened(failure.encoded_attributes):
        return False
    if not all(map(_opened, info.details.payloads)):
        return False
    told = payload_converter.from_payload(failure.encoded_attributes)
    return isinstance(told, dict) and told.get("type", info.type) == info.type  # versions of before sealed no type


def _opened(payload: Payload) -> bool:
    return payload.metadata.get("encoding") != REFUSED


@dataclasses.dataclass(frozen=True)
class _Converter(DataConverter):
    """Leaves to the codec what claims to lie in an external store, of which we have none: the SDK raises for it."""

    async def _decode_reference_payload_sequence(self, payloads: Sequence[Payload]) -> list[Payload]:
        return list(payloads)

    async def _external_retrieve_payload_sequence(self, payloads: Sequence[Payload]) -> list[Payload]:
        return list(payloads)


def data_converter(
    keyring: Keyring, opened_before: OpenedBefore = never, on_refused: OnRefused = disregard
) -> DataConverter:
    """Return the converter that every client, worker and replayer of Wardflow uses.

    A process that reads workflows of before needs `opened_before` of its ledger (service/process/seals.py): by
    default what was sealed for no workflow opens nowhere.
    """
    return _Converter(
        payload_converter_class=PydanticPayloadConverter,
        failure_converter_class=SealedFailures,
        payload_codec=SealingCodec(keyring, opened_before, on_refused),
    )


def metered(port: int, lock_times: LockTimes) -> Runtime:
    """Return a runtime whose own figures (`temporal_*`) can be scraped at that port, and the lock times with them.

    Raises ConfigurationError.
    """
    try:
        metrics = PrometheusConfig(
            bind_address=f"127.0.0.1:{port}", counters_total_suffix=True, durations_as_seconds=True,
            histogram_bucket_overrides={HISTOGRAM: BOUNDS_S},
        )  # fmt: skip
        runtime = _runtime(metrics)
    except (RuntimeError, ValueError):
        raise ConfigurationError(ConfigurationFault.PORT_IN_USE, f"port {port} for the worker's metrics") from None
    times = runtime.metric_meter.create_histogram_float(HISTOGRAM, HELD)
    longest = runtime.metric_meter.create_gauge_float(LONGEST, LONGEST_HELD)

    def noted(seconds: float) -> None:
        times.record(seconds)
        longest.set(lock_times.read().longest_s)

    lock_times.listener = noted
    return runtime


async def connect(
    address: str, namespace: str, keyring: Keyring, *, lazy: bool = False, runtime: Runtime | None = None,
    opened_before: OpenedBefore = never, on_refused: OnRefused = disregard,
) -> Client:  # fmt: skip
    """Return a client; a lazy one connects at its first call, so that a process can start before Temporal."""
    converter = data_converter(keyring, opened_before, on_refused)
    return await Client.connect(
        address, namespace=namespace, data_converter=converter, lazy=lazy, runtime=runtime or plain()
    )


@cache
def plain() -> Runtime:
    """Return what runs without figures: a client, or a replay, whose failures are none of the worker's."""
    return _runtime(None)


def _runtime(metrics: PrometheusConfig | None) -> Runtime:
    # Core's own lines go to standard output, with values in them.
    forwarded = LogForwardingConfig(logging.getLogger("temporalio"), append_log_fields_to_message=False)
    told = LoggingConfig(TelemetryFilter(core_level="WARN", other_level="ERROR"), forwarding=forwarded)
    return Runtime(telemetry=TelemetryConfig(logging=told, metrics=metrics), worker_heartbeat_interval=HEARTBEAT)
