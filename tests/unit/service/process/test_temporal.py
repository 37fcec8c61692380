"""Nothing that crosses to Temporal can be read there, or be taken from one workflow to another."""

from collections.abc import Callable
from typing import Any

import pytest
from temporalio.api.common.v1 import Payload
from temporalio.api.failure.v1 import Failure
from temporalio.converter import (
    ActivitySerializationContext,
    DataConverter,
    NexusSerializationContext,
    WorkflowSerializationContext,
)
from temporalio.exceptions import ApplicationError, TimeoutError, TimeoutType

from contracts.errors import ApprovalError, ConfigurationError, LedgerError, LedgerFault
from integrations.blobs.sealing import Keyring
from service.process import temporal
from tests.fakes.samples import KEYRING, NAME, decision
from workflows import foreign_messages

A, B = (WorkflowSerializationContext("default", id_) for id_ in ("case-a", "case-b"))
ACTIVITY_OF_A = ActivitySerializationContext("default", "1", "run_agent", "q", "case-a", "case", is_local=False)
Refused = list[tuple[str, str]]


def converter(keyring: Keyring = KEYRING, old: tuple[str, ...] = (), refused: Refused | None = None) -> DataConverter:
    def note(workflow_id: str, _digest: str, why: str) -> None:
        if refused is not None:
            refused.append((workflow_id, why))

    return temporal.data_converter(keyring, lambda workflow_id: workflow_id in old, note)


def of_before(value: bytes = b'"approve"') -> Payload:
    """A value as the version before sealed it: for no workflow."""
    inner = Payload(metadata={"encoding": b"json/plain"}, data=value)
    return Payload(
        metadata={"encoding": temporal.UNBOUND}, data=KEYRING.seal(inner.SerializeToString(), temporal.PURPOSE)
    )


async def test_values_come_back_and_cannot_be_read_between() -> None:
    made = decision(reason=NAME)
    payloads = await converter().with_context(A).encode([made])
    assert NAME.encode() not in payloads[0].SerializeToString()
    assert await converter().with_context(A).decode(payloads, [type(made)]) == [made]
    assert await converter().with_context(ACTIVITY_OF_A).decode(payloads, [type(made)]) == [made]


async def test_a_value_of_one_workflow_does_not_open_in_another() -> None:
    refused: Refused = []
    payloads = await converter().with_context(ACTIVITY_OF_A).encode(["3"])
    with pytest.raises(KeyError, match="refused"):
        await converter(refused=refused).with_context(B).decode(payloads, [str])
    assert refused == [("case-b", "changed_at_rest")]


async def test_a_value_sealed_for_no_workflow_opens_only_in_workflows_of_before() -> None:
    refused: Refused = []
    known = converter(old=("case-a",), refused=refused)
    assert await known.with_context(A).decode([of_before()], [str]) == ["approve"]
    with pytest.raises(KeyError, match="refused"):
        await known.with_context(B).decode([of_before()], [str])
    assert refused == [("case-b", "sealed for no workflow")]
    with pytest.raises(KeyError, match="refused"):
        await temporal.data_converter(KEYRING).with_context(A).decode([of_before()], [str])


async def test_while_the_ledger_is_away_a_value_of_before_is_not_refused_for_good() -> None:
    def away(_workflow_id: str) -> bool:
        raise LedgerError(LedgerFault.DATABASE, retryable=True)

    known = temporal.data_converter(KEYRING, away)
    with pytest.raises(LedgerError):
        await known.with_context(A).decode([of_before()], [str])
    assert await known.with_context(A).decode(await known.with_context(A).encode(["3"]), [str]) == ["3"]


@pytest.mark.parametrize("context", [None, NexusSerializationContext("e", "s", "o")])
async def test_what_belongs_to_no_workflow_is_neither_sealed_nor_opened(context: Any) -> None:
    known = converter(old=("", "case-a"))
    sealed = await known.with_context(A).encode(["3"])
    unbound = known.with_context(context) if context else known
    with pytest.raises(ConfigurationError, match="unbound"):
        await unbound.encode(["3"])
    for payloads in (sealed, [of_before()]):
        with pytest.raises(KeyError, match="refused"):
            await unbound.decode(payloads, [str])


async def plain() -> Payload:
    return (await DataConverter.default.encode(["approve"]))[0]


async def strangers() -> Payload:
    return (await converter(Keyring("k1", {"k1": b"x" * 32}, b"")).with_context(A).encode(["approve"]))[0]


async def lost_key() -> Payload:
    return (await converter(Keyring("k9", {"k9": b"x" * 32}, b"")).with_context(A).encode(["approve"]))[0]


async def garbage() -> Payload:
    return Payload(metadata={"encoding": temporal.ENCODING}, data=b"WF1\xffgarbage")


async def not_a_payload() -> Payload:
    return Payload(metadata={"encoding": temporal.ENCODING}, data=KEYRING.seal(b"\xff\xff", "temporal|case-a"))


async def of_an_unknown_encoding() -> Payload:
    return Payload(metadata={"encoding": b"\xff\xfe"}, data=b"x")


async def empty() -> Payload:
    return Payload()


async def elsewhere() -> Payload:
    """The SDK raises for what claims to lie in an external store, before it asks the codec."""
    made = Payload(metadata={"encoding": b"json/external-storage-reference"}, data=b"{}")
    made.metadata["__temporal_external_storage_reference"] = b"true"
    made.external_payloads.add().size_bytes = 1
    return made


@pytest.mark.parametrize(
    "make", [plain, strangers, lost_key, garbage, not_a_payload, of_an_unknown_encoding, empty, elsewhere]
)
async def test_what_does_not_open_is_marked_and_counted_and_nothing_is_raised(make: Callable[[], Any]) -> None:
    refused: Refused = []
    known = converter(refused=refused).with_context(A)
    payloads = await known._external_retrieve_payload_sequence(
        await known._decode_reference_payload_sequence([await make()])
    )
    (found,) = await known._decode_payload_sequence(payloads)
    assert (found.metadata["encoding"], found.data) == (temporal.REFUSED, b"")
    assert [workflow_id for workflow_id, _ in refused] == ["case-a"]


async def test_after_a_rotation_waiting_cases_are_still_read() -> None:
    rotated = Keyring("k2", {**KEYRING.keys, "k2": b"2" * 32}, KEYRING.naming_key)
    payloads = await converter().with_context(A).encode(["waiting"])
    assert await converter(rotated).with_context(A).decode(payloads, [str]) == ["waiting"]


async def failed(error: BaseException, known: DataConverter | None = None) -> Failure:
    failure = Failure()
    await (known or converter().with_context(A)).encode_failure(error, failure)
    return failure


async def test_the_text_of_a_failure_cannot_be_read_between() -> None:
    failure = await failed(ApplicationError(NAME, NAME, type="FhirError"))
    assert NAME.encode() not in failure.SerializeToString()
    again = await converter().with_context(A).decode_failure(failure)
    assert isinstance(again, ApplicationError)
    assert (again.message, again.details, again.type) == (NAME, (NAME,), "FhirError")


async def test_a_failure_keeps_its_cause() -> None:
    outer = ApplicationError("outer", type="Outer")
    outer.__cause__ = ValueError("inner")
    again = await converter().with_context(A).decode_failure(await failed(outer))
    assert isinstance(again, ApplicationError) and isinstance(again.__cause__, ApplicationError)
    assert (again.__cause__.message, again.__cause__.type) == ("inner", "ValueError")


async def test_a_failure_that_was_not_sealed_for_this_workflow_says_nothing() -> None:
    """Else whoever answers for a worker tells the nurse that someone else has decided."""
    decided = ApplicationError("Dr Silva", "decided", type=ApprovalError.__name__, non_retryable=True)
    unsealed = await failed(decided, DataConverter.default)
    elsewhere = await failed(decided, converter().with_context(B))
    retyped = await failed(ApplicationError("Dr Silva", "decided", type="FhirError"))
    retyped.application_failure_info.type = ApprovalError.__name__
    bare = await failed(decided)
    bare.ClearField("encoded_attributes")
    given_details = await failed(ApplicationError("x", type=ApprovalError.__name__))
    given_details.application_failure_info.details.payloads.append(Payload(data=b"decided"))
    for failure in (unsealed, elsewhere, retyped, bare, given_details):
        again = await converter().with_context(A).decode_failure(failure)
        assert isinstance(again, ApplicationError)
        assert (again.type, again.details, again.non_retryable) == (foreign_messages.TYPE, (), False)
        assert "Silva" not in str(again)


async def test_a_failure_of_a_kind_that_there_is_not_is_refused_and_raises_nothing() -> None:
    timed_out = Failure()
    timed_out.timeout_failure_info.timeout_type = 99  # type: ignore[assignment]
    sealed = await failed(ApplicationError("away", type="FhirError"))
    sealed.application_failure_info.category = 99  # type: ignore[assignment]
    swapped = await failed(ApplicationError("away", type="FhirError"))
    swapped.encoded_attributes.CopyFrom((await converter().with_context(A).encode([None]))[0])
    for failure in (timed_out, sealed, swapped):
        again = await converter().with_context(A).decode_failure(failure)
        assert isinstance(again, ApplicationError) and again.type == foreign_messages.TYPE


async def test_a_time_out_of_the_server_is_one_whatever_was_put_beside_it() -> None:
    failure = await failed(TimeoutError("late", type=TimeoutType.HEARTBEAT, last_heartbeat_details=()))
    failure.ClearField("encoded_attributes")  # the server makes it itself
    failure.timeout_failure_info.last_heartbeat_details.payloads.append(Payload(data=b"garbage"))
    again = await converter().with_context(A).decode_failure(failure)
    assert isinstance(again, TimeoutError) and again.type == TimeoutType.HEARTBEAT
    assert list(again.last_heartbeat_details) == []
