"""Which recordings of a chart a note is made of, and which medications are listened for."""

from typing import Any

import pytest

from agents.dictation.reading import medications, read_chart
from contracts.charts import AUDIO_BLOB, AUDIO_UNREAD, TAG, ChartFacts
from tests.fakes.samples import NOW

Resource = dict[str, Any]
ENCOUNTER = {
    "resourceType": "Encounter",
    "id": "enc-1",
    "subject": {"reference": "Patient/pat-1"},
    "reasonCode": [{"text": "cough"}],
}
HERE, PATIENT = {"reference": "Encounter/enc-1"}, {"reference": "Patient/pat-1"}


def frozen(blob: str, kind: str = "audio/ogg", mark: str = AUDIO_BLOB) -> Resource:
    return {"contentType": kind, "extension": [{"url": mark, "valueString": blob}]}


def media(id_: str = "m-1", blob: str = "b-1", **changes: Any) -> Resource:
    given = {"resourceType": "Media", "id": id_, "meta": {"versionId": "2"}, "status": "completed"}
    return given | {"subject": PATIENT, "encounter": HERE, "content": frozen(blob)} | changes


def document(blob: str = "b-1", **changes: Any) -> Resource:
    content = [{"attachment": frozen(blob)}, {"attachment": {"contentType": "text/plain"}}]
    given = {"resourceType": "DocumentReference", "id": "d-1", "status": "current", "subject": PATIENT}
    return given | {"content": content, "context": {"encounter": [HERE]}} | changes


def binary(blob: str = "b-1", **changes: Any) -> Resource:
    return {"resourceType": "Binary", "id": "x-1", "securityContext": HERE} | frozen(blob) | changes


def task(status: str, about: str, system: str = TAG) -> Resource:
    told = [{"type": {"text": "recording"}, "valueReference": {"reference": about}}]
    given = {"resourceType": "Task", "id": "t-1", "status": status, "identifier": [{"system": system, "value": "c"}]}
    return given | {"encounter": HERE, "input": told}


def read(*resources: Resource) -> ChartFacts:
    return read_chart([ENCOUNTER, *resources], "enc-1", NOW)


@pytest.mark.parametrize("carrier", [media(), document(), binary()], ids=["Media", "DocumentReference", "Binary"])
def test_a_recording_is_found_wherever_it_lies(carrier: Resource) -> None:
    (found,) = read(carrier).recordings
    assert (found.blob, found.media_type, found.told) == ("b-1", "audio/ogg", "")
    assert found.resource.startswith(f"{carrier['resourceType']}/{carrier['id']}/_history/")


@pytest.mark.parametrize(
    "other",
    [
        media(encounter={"reference": "Encounter/enc-2"}),
        media(encounter=None),
        media(status="entered-in-error"),
        media(content=frozen("b-1", "image/png")),
        document(status="superseded"),
        document(context={"encounter": [{"reference": "Encounter/enc-2"}]}),
        binary(securityContext=PATIENT),
        {"resourceType": "Media", "id": "m-2"},
    ],
    ids=range(8),
)
def test_what_is_of_another_stay_withdrawn_or_no_sound_is_no_recording(other: Resource) -> None:
    assert read(other).recordings == ()


def test_a_recording_of_another_patient_is_named_and_not_used() -> None:
    facts = read(media(subject={"reference": "Patient/pat-2"}))
    assert facts.recordings == ()
    assert facts.left_out == ("Media/m-1, which is of this stay and names another patient",)


@pytest.mark.parametrize(
    "odd", [media(content=7), media(content=frozen("b") | {"extension": 7}), media(meta=7)], ids=str
)
def test_a_recording_that_cannot_be_read_is_named_or_ignored_and_hides_no_other(odd: Resource) -> None:
    facts = read(odd | {"id": "odd"}, media())
    assert [r.blob for r in facts.recordings][-1] == "b-1"


def test_why_there_is_no_audio_is_told() -> None:
    facts = read(media(content=frozen("whose audio is missing", mark=AUDIO_UNREAD)))
    assert (facts.recordings[0].blob, facts.left_out) == ("", ("Media/m-1, whose audio is missing",))


def test_the_same_audio_is_one_recording_that_stands_for_all_its_copies() -> None:
    (found,) = read(media(), document()).recordings
    assert {found.resource.split("/")[0], *(copy.split("/")[0] for copy in found.copies)} == {
        "Media",
        "DocumentReference",
    }


def test_a_binary_that_another_points_at_is_no_second_recording() -> None:
    pointing = media(content=frozen("b-2") | {"url": "Binary/x-1"})
    assert [r.resource for r in read(binary(), pointing).recordings] == ["Media/m-1/_history/2"]


def test_recordings_stand_in_the_order_in_which_they_were_made() -> None:
    late = media("a", "b-2", createdDateTime="2026-01-05T09:00:00Z")
    early = media("z", "b-1", createdDateTime="2026-01-05T09:59:00+01:00")
    assert [r.blob for r in read(late, early).recordings] == ["b-1", "b-2"]


@pytest.mark.parametrize(
    ("done", "left"),
    [
        (task("completed", "Media/m-1"), 0),
        (task("rejected", "Media/m-1"), 0),
        (task("requested", "Media/m-1"), 1),
        (task("cancelled", "Media/m-1"), 1),
        (task("completed", "Media/m-2"), 1),
        (task("completed", "Media/m-1", "urn:elsewhere"), 1),
        (task("completed", "Media/m-1") | {"encounter": {"reference": "Encounter/enc-2"}}, 1),
    ],
    ids=range(7),
)
def test_what_a_person_decided_in_an_earlier_case_is_dealt_with(done: Resource, left: int) -> None:
    assert len(read(media(), done).recordings) == left


def test_the_patients_medications_are_those_that_they_take() -> None:
    def taken(id_: str, text: str, **changes: Any) -> Resource:
        given = {"resourceType": "MedicationStatement", "id": id_, "status": "active", "subject": PATIENT}
        return given | {"medicationCodeableConcept": {"text": text}} | changes

    facts = read(
        taken("1", "Bisoprolol 5 mg"),
        taken("2", "Bisoprolol 5 mg"),
        taken("3", "Warfarin", status="stopped"),
        taken("4", "Aspirin", subject={"reference": "Patient/pat-2"}),
        taken("5", "", medicationCodeableConcept=None, medicationReference={"display": "Metformin"}),
    )
    assert medications(facts) == ("Bisoprolol 5 mg", "Metformin")
    assert facts.get("complaint")
