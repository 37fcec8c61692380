"""From bytes to an event: anything gives one, readable or quarantined."""

import gzip
import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from contracts.charts import TAG
from contracts.events import FhirEvent
from integrations.fhir.deletions import named
from integrations.fhir.notifications import parse

BASE = "http://ours/fhir"
OBSERVATION = {
    "resourceType": "Observation",
    "id": "obs-1",
    "meta": {"versionId": "3"},
    "encounter": {"reference": "Encounter/enc-1"},
}


def told(**changes: Any) -> FhirEvent:
    return parse("ehr", json.dumps(OBSERVATION | changes).encode(), BASE)


def check(event: FhirEvent) -> None:
    if event.quarantine:
        assert (event.resource_type, event.version_id, event.body) == ("?", "", b"")
        assert len(event.resource_id) == 64
    else:
        assert event.resource_type and event.resource_id and event.version_id


def test_a_notification_is_read() -> None:
    event = told()
    assert (event.resource_type, event.resource_id, event.version_id) == ("Observation", "obs-1", "3")
    assert (event.encounter_id, event.own, event.quarantine) == ("enc-1", False, None)
    assert json.loads(event.body) == OBSERVATION


def test_an_encounter_is_its_own_encounter() -> None:
    assert told(resourceType="Encounter", id="enc-9", encounter=None).encounter_id == "enc-9"


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        ("Encounter/e", "e"),
        ("Encounter/e/_history/2", "e"),
        ("http://ours/fhir/Encounter/e", "e"),
        ("https://elsewhere/fhir/Encounter/e", None),
        ("http://Encounter/e", None),
        ("Patient/e", None),
        ("Patient/Encounter", None),
        ("Encounter/", None),
        ("#e", None),
        ("urn:uuid:e", None),
        ("", None),
        (None, None),
    ],
)
def test_only_a_relative_reference_names_an_encounter_of_ours(reference: str | None, expected: str | None) -> None:
    assert told(encounter={"reference": reference}).encounter_id == expected


@pytest.mark.parametrize(
    ("told_by", "expected"),
    [
        ({"resourceType": "Media"}, "enc-1"),
        ({"resourceType": "Binary", "securityContext": {"reference": "Encounter/enc-2"}}, "enc-2"),
        ({"resourceType": "Binary", "securityContext": {"reference": "Patient/p"}}, None),
        ({"resourceType": "Binary"}, None),
        ({"resourceType": "DocumentReference", "context": {"encounter": [{"reference": "Encounter/enc-3"}]}}, "enc-3"),
        (
            {
                "resourceType": "DocumentReference",
                "context": {
                    "encounter": [{"reference": "https://elsewhere/fhir/Encounter/e"}, {"reference": "Encounter/enc-4"}]
                },
            },
            "enc-4",
        ),
        ({"resourceType": "DocumentReference"}, None),
        ({"resourceType": "DocumentReference", "context": {"encounter": []}}, None),
    ],
    ids=range(8),
)
def test_each_type_names_its_encounter_in_its_own_way(told_by: dict[str, Any], expected: str | None) -> None:
    event = told(**told_by)
    assert (event.encounter_id, event.quarantine) == (expected, None)


@pytest.mark.parametrize(("tags", "own"), [([{"system": TAG}], True), ([{"system": "x"}, {"system": TAG}], True),
                                           ([{"system": "x"}], False), ([], False)])  # fmt: skip
def test_our_own_tag_is_seen(tags: list[dict[str, str]], own: bool) -> None:
    assert told(meta={"versionId": "1", "tag": tags}).own is own


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", "no JSON"),
        (b"<Patient/>", "no JSON"),
        (b'{"a": "\xff\xfe"}', "no Unicode text"),
        (b'{"a": ' + b"9" * 5000 + b"}", "no JSON"),
        (rb'{"resourceType": "Observation", "id": "\ud800", "meta": {"versionId": "1"}}', "no Unicode text"),
        (b"[" * 100_000, "nested too deep"),
        (b'{"a":' * 100_000, "nested too deep"),
        (b"[" * 100_000 + b"]" * 100_000, "nested too deep"),
        (b"[]", "no versioned FHIR resource"),
        (b"7", "no versioned FHIR resource"),
        (b'{"resourceType": "Observation", "id": "1"}', "no versioned FHIR resource"),
        (b'{"resourceType": "Observation", "id": "1", "meta": {"versionId": 3}}', "no versioned FHIR resource"),
        (b'{"resourceType": "Observation", "id": "", "meta": {"versionId": "3"}}', "no versioned FHIR resource"),
    ],
    ids=range(13),
)
def test_what_cannot_be_read_is_quarantined_with_a_reason_and_without_its_body(raw: bytes, reason: str) -> None:
    event = parse("ehr", raw, BASE)
    check(event)
    assert event.quarantine == reason


@example(b"\xff")
@example(b"\x00\x00\x00{")
@given(st.binary())
def test_any_bytes_give_an_event(raw: bytes) -> None:
    check(parse("ehr", raw, BASE))


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=9)
    | st.sampled_from(["Encounter/1", TAG]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["reference", "versionId", "tag", "system", "id"]), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(st.fixed_dictionaries(dict.fromkeys(OBSERVATION, json_values)))
def test_any_json_in_the_fields_that_are_read_gives_an_event(resource: dict[str, Any]) -> None:
    check(parse("ehr", json.dumps(resource).encode(), BASE))


@pytest.mark.parametrize("changes", [{"id": "x" * 65}, {"meta": {"versionId": "9" * 5000}}], ids=["id", "version"])
def test_an_id_longer_than_fhir_allows_is_quarantined(changes: dict[str, Any]) -> None:
    assert told(**changes).quarantine


@pytest.mark.parametrize("id_", ["1&_id=2", "1,2", "a/b", "a b", "a\n", "ä", "?", "%31"])
@pytest.mark.parametrize("kind", ["Encounter", "Observation"])
def test_an_id_that_would_be_more_than_a_name_in_our_searches_is_quarantined(id_: str, kind: str) -> None:
    assert told(resourceType=kind, id=id_).quarantine


def test_ids_at_the_limits_of_fhir_are_read() -> None:
    for id_ in ("x" * 64, "0", "-", "a.b-C_9"):
        assert told(resourceType="Encounter", id=id_).encounter_id == id_


def test_a_type_that_is_no_word_is_quarantined() -> None:
    assert told(resourceType="../Encounter").quarantine


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
def test_a_byte_order_mark_and_wider_encodings_are_read(encoding: str) -> None:
    assert parse("ehr", json.dumps(OBSERVATION).encode(encoding), BASE).resource_id == "obs-1"


def test_of_a_key_that_stands_twice_the_last_counts() -> None:
    raw = json.dumps(OBSERVATION)[:-1] + ', "id": "obs-2"}'
    assert parse("ehr", raw.encode(), BASE).resource_id == "obs-2"


def test_a_compressed_body_is_quarantined() -> None:
    assert parse("ehr", gzip.compress(json.dumps(OBSERVATION).encode()), BASE).quarantine == "no Unicode text"


@pytest.mark.parametrize(
    ("path", "resource"),
    [
        ("Observation/obs-1", ("Observation", "obs-1")),
        ("/Observation/obs-1/", ("Observation", "obs-1")),
        ("x/y", None),
        ("Observation", None),
        ("Observation/obs-1/_history/2", None),
        ("Observation/a b", None),
        ("Observation/" + "x" * 65, None),
        ("", None),
    ],
)
def test_a_path_names_a_resource_or_nothing(path: str, resource: tuple[str, str] | None) -> None:
    assert named(path) == resource


def test_a_version_that_no_server_gives_is_quarantined() -> None:
    assert told(meta={"versionId": "#1"}).quarantine
