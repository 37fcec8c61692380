"""The codec as versions had it that sealed values for no workflow, and that raised for what did not open."""

import dataclasses
from collections.abc import Sequence

from temporalio.api.common.v1 import Payload
from temporalio.contrib.pydantic import PydanticPayloadConverter
from temporalio.converter import DataConverter, DefaultFailureConverterWithEncodedAttributes, PayloadCodec

from integrations.blobs.sealing import Keyring
from service.process.temporal import PURPOSE, UNBOUND


class OldCodec(PayloadCodec):
    def __init__(self, keyring: Keyring) -> None:
        self._keyring = keyring

    async def encode(self, payloads: Sequence[Payload]) -> list[Payload]:
        return [
            Payload(metadata={"encoding": UNBOUND}, data=self._keyring.seal(p.SerializeToString(), PURPOSE))
            for p in payloads
        ]

    async def decode(self, payloads: Sequence[Payload]) -> list[Payload]:
        return [Payload.FromString(self._keyring.open(p.data, PURPOSE)) for p in payloads]


def old_converter(keyring: Keyring) -> DataConverter:
    plain = DataConverter(
        payload_converter_class=PydanticPayloadConverter,
        failure_converter_class=DefaultFailureConverterWithEncodedAttributes,
    )
    return dataclasses.replace(plain, payload_codec=OldCodec(keyring))
