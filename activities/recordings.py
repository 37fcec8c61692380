"""The audio that a chart points at, taken into the blob store: a frozen chart names it, and stays small."""

import base64
import binascii
from typing import Any

from activities.heartbeats import beat
from activities.world import World
from agents import charts
from contracts.charts import AUDIO_BLOB, AUDIO_UNREAD
from contracts.errors import FhirError, FhirFault
from integrations.fhir.client import Resource

MOST_BYTES = 20 * 1024 * 1024
"""Of one recording: three hours as browsers record speech, ten minutes of uncompressed 16 bit, 16 kHz."""
MOST_ANSWER_BYTES = MOST_BYTES * 4 // 3 + 64 * 1024  # base64, and what is around it
TOO_LARGE = f"whose audio is larger than {MOST_BYTES // 2**20} MB"
REFUSED = {
    FhirFault.MISSING: "whose audio is missing",
    FhirFault.TOO_LARGE: TOO_LARGE,
    FhirFault.REFUSED: "whose audio can't be read",
}


class _UnreadError(Exception):
    """Why a person is told to look for the audio elsewhere."""


def freeze(world: World, resources: list[Resource]) -> None:
    """Put the audio of each attachment into the blob store, and in its place where it lies, or why it is not there.

    Other contents are left out. Raises FhirError where the chart is out of reach for the moment, and LedgerError.
    """
    for attachment in (a for resource in resources for a in charts.attachments(resource)):
        data = attachment.pop("data", None)
        attachment.pop("extension", None)  # nothing in a chart may name a blob of ours
        if charts.is_audio(attachment):
            try:
                mark = AUDIO_BLOB, world.records.blobs.put(_audio(world, attachment, data))
            except _UnreadError as fault:
                mark = AUDIO_UNREAD, str(fault)
            attachment["extension"] = [{"url": mark[0], "valueString": mark[1]}]


def _audio(world: World, attachment: Resource, data: Any) -> bytes:
    size, id_ = attachment.get("size"), charts.binary_id(attachment)
    if isinstance(size, int) and size > MOST_BYTES:
        raise _UnreadError(TOO_LARGE)
    if data is None and id_:
        beat()
        try:
            data = world.fhir.read("Binary", id_, MOST_ANSWER_BYTES).get("data")
        except FhirError as fault:
            if fault.retryable or fault.kind not in REFUSED:
                raise
            raise _UnreadError(REFUSED[FhirFault(fault.kind)]) from None
    elif data is None and attachment.get("url"):
        raise _UnreadError("whose audio lies on another server")
    if not isinstance(data, str) or not data:
        raise _UnreadError("without audio")
    if len(data) * 3 // 4 > MOST_BYTES:
        raise _UnreadError(TOO_LARGE)
    try:
        return base64.b64decode("".join(data.split()), validate=True)
    except (binascii.Error, ValueError):
        raise _UnreadError("whose audio is no base64") from None
