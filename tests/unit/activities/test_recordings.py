"""Audio that a chart points at lies in the blob store afterwards, or a person is told why not."""

import base64
from types import SimpleNamespace
from typing import Any

import pytest

from activities import recordings
from contracts.charts import AUDIO_BLOB, AUDIO_UNREAD
from contracts.errors import FhirError, FhirFault
from integrations.blobs.store import BlobStore

AUDIO = b"OggS and more"
DATA = base64.b64encode(AUDIO).decode()


class Chart:
    """Has one Binary, or refuses as the test says."""

    def __init__(self, fault: FhirError | None = None) -> None:
        self.fault = fault
        self.bounds: list[int | None] = []

    def read(self, type_: str, id_: str, most_bytes: int | None = None) -> dict[str, Any]:
        self.bounds.append(most_bytes)
        if self.fault:
            raise self.fault
        assert (type_, id_) == ("Binary", "x")
        return {"resourceType": "Binary", "id": "x", "data": DATA}


def frozen(blobs: BlobStore, content: dict[str, Any], chart: Chart | None = None) -> dict[str, Any]:
    """Return what stands in the place of a Media's content."""
    media = {"resourceType": "Media", "id": "m", "content": {"contentType": "audio/ogg"} | content}
    world: Any = SimpleNamespace(records=SimpleNamespace(blobs=blobs), fhir=chart or Chart())
    recordings.freeze(world, [media])
    return media["content"]


@pytest.mark.parametrize(
    "content",
    [{"data": DATA}, {"data": f"{DATA[:6]}\n{DATA[6:]}"}, {"url": "Binary/x"}, {"url": "Binary/x/_history/2"}],
)
def test_the_frozen_chart_names_where_the_audio_lies_and_does_not_hold_it(
    blobs: BlobStore, content: dict[str, Any]
) -> None:
    found = frozen(blobs, content)
    (mark,) = found["extension"]
    assert mark["url"] == AUDIO_BLOB and blobs.get(mark["valueString"]) == AUDIO
    assert "data" not in found


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ({}, "without audio"),
        ({"data": ""}, "without audio"),
        ({"data": 7}, "without audio"),
        ({"data": "ä"}, "whose audio is no base64"),
        ({"data": "abc"}, "whose audio is no base64"),
        ({"url": "https://elsewhere.test/Binary/x"}, "whose audio lies on another server"),
        ({"url": "Binary/../Patient/1"}, "whose audio lies on another server"),
        ({"url": "Binary/x", "size": recordings.MOST_BYTES + 1}, recordings.TOO_LARGE),
        ({"data": "A" * (recordings.MOST_ANSWER_BYTES + 4)}, recordings.TOO_LARGE),
    ],
    ids=range(9),
)
def test_what_is_not_audio_or_too_much_is_told(blobs: BlobStore, content: dict[str, Any], told: str) -> None:
    assert frozen(blobs, content)["extension"] == [{"url": AUDIO_UNREAD, "valueString": told}]


@pytest.mark.parametrize("kind", recordings.REFUSED)
def test_a_binary_that_cannot_be_had_is_told(blobs: BlobStore, kind: FhirFault) -> None:
    chart = Chart(FhirError(kind))
    found = frozen(blobs, {"url": "Binary/x"}, chart)
    assert found["extension"] == [{"url": AUDIO_UNREAD, "valueString": recordings.REFUSED[kind]}]
    assert chart.bounds == [recordings.MOST_ANSWER_BYTES]


def test_a_chart_that_is_away_is_asked_again_later(blobs: BlobStore) -> None:
    with pytest.raises(FhirError):
        frozen(blobs, {"url": "Binary/x"}, Chart(FhirError(FhirFault.UNREACHABLE, retryable=True)))


def test_nothing_in_a_chart_may_name_a_blob_of_ours_and_other_contents_are_left_out(blobs: BlobStore) -> None:
    forged = [{"url": AUDIO_BLOB, "valueString": "another patient's"}]
    found = frozen(blobs, {"data": DATA, "extension": forged})
    assert forged[0] not in found["extension"]
    found = frozen(blobs, {"data": DATA, "extension": forged, "contentType": "application/pdf"})
    assert found == {"contentType": "application/pdf"}
