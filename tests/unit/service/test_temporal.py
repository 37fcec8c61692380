"""Nothing that crosses to Temporal can be read there."""

import pytest
from temporalio.api.failure.v1 import Failure
from temporalio.converter import DataConverter
from temporalio.exceptions import ApplicationError

from contracts.errors import ConfigurationError
from integrations.blobs.sealing import Keyring
from service.temporal import data_converter
from tests.fakes.samples import KEYRING, NAME, decision

CONVERTER = data_converter(KEYRING)


async def test_values_come_back_and_cannot_be_read_between() -> None:
    made = decision(reason=NAME)
    payloads = await CONVERTER.encode([made])
    assert NAME.encode() not in payloads[0].SerializeToString()
    assert await CONVERTER.decode(payloads, [type(made)]) == [made]


async def test_the_text_of_a_failure_cannot_be_read_between() -> None:
    failure = Failure()
    await CONVERTER.encode_failure(ApplicationError(NAME, NAME, type="FhirError"), failure)
    assert NAME.encode() not in failure.SerializeToString()
    again = await CONVERTER.decode_failure(failure)
    assert isinstance(again, ApplicationError)
    assert (again.message, again.type) == (NAME, "FhirError")


async def test_what_was_not_sealed_with_our_key_is_refused() -> None:
    plain = await DataConverter.default.encode(["approve"])
    with pytest.raises(ConfigurationError):
        await CONVERTER.decode(plain, [str])
    stranger = Keyring("k1", {"k1": b"x" * 32}, b"")
    with pytest.raises(ConfigurationError):
        await CONVERTER.decode(await data_converter(stranger).encode(["approve"]), [str])


async def test_after_a_rotation_waiting_cases_are_still_read() -> None:
    rotated = Keyring("k2", {**KEYRING.keys, "k2": b"2" * 32}, KEYRING.naming_key)
    payloads = await CONVERTER.encode(["waiting"])
    assert await data_converter(rotated).decode(payloads, [str]) == ["waiting"]
    with pytest.raises(ConfigurationError):
        await CONVERTER.decode(await data_converter(rotated).encode(["new"]), [str])
