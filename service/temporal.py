"""Our way to Temporal: everything that crosses is encrypted, failures included."""

import dataclasses
import logging
from collections.abc import Sequence
from functools import cache

from temporalio.api.common.v1 import Payload
from temporalio.client import Client
from temporalio.contrib.pydantic import PydanticPayloadConverter
from temporalio.converter import DataConverter, DefaultFailureConverterWithEncodedAttributes, PayloadCodec
from temporalio.runtime import (
    LogForwardingConfig,
    LoggingConfig,
    PrometheusConfig,
    Runtime,
    TelemetryConfig,
    TelemetryFilter,
)

from contracts.errors import ConfigurationError
from integrations.blobs.sealing import Keyring
from service.versions import HEARTBEAT

ENCODING = b"binary/wardflow-aes-gcm"
PURPOSE = "temporal"


class SealingCodec(PayloadCodec):
    """AES-256-GCM with the key's id in each payload, so that keys can be rotated while cases wait."""

    def __init__(self, keyring: Keyring) -> None:
        self._keyring = keyring

    async def encode(self, payloads: Sequence[Payload]) -> list[Payload]:
        return [
            Payload(metadata={"encoding": ENCODING}, data=self._keyring.seal(p.SerializeToString(), PURPOSE))
            for p in payloads
        ]

    async def decode(self, payloads: Sequence[Payload]) -> list[Payload]:
        # What is not sealed comes from someone who reached Temporal's port without our key.
        return [Payload.FromString(self._keyring.open(p.data, PURPOSE)) for p in payloads]


def data_converter(keyring: Keyring) -> DataConverter:
    """Return the converter that every client, worker and replayer of Wardflow uses."""
    return dataclasses.replace(
        DataConverter(
            payload_converter_class=PydanticPayloadConverter,
            failure_converter_class=DefaultFailureConverterWithEncodedAttributes,
        ),
        payload_codec=SealingCodec(keyring),
    )


def metered(port: int) -> Runtime:
    """Return a runtime whose own figures (`temporal_*`) can be scraped at that port. Raises ConfigurationError."""
    try:
        metrics = PrometheusConfig(
            bind_address=f"127.0.0.1:{port}", counters_total_suffix=True, durations_as_seconds=True
        )
        return _runtime(metrics)
    except (RuntimeError, ValueError):
        raise ConfigurationError("port_in_use", f"port {port} for the worker's metrics") from None


async def connect(
    address: str, namespace: str, keyring: Keyring, *, lazy: bool = False, runtime: Runtime | None = None
) -> Client:
    """Return a client; a lazy one connects at its first call, so that a process can start before Temporal."""
    return await Client.connect(
        address, namespace=namespace, data_converter=data_converter(keyring), lazy=lazy, runtime=runtime or plain()
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
