"""What a chart tells of how a patient fared."""

from typing import Any

import pytest

from integrations.fhir.patient_outcomes import location_ids, outcomes

Resource = dict[str, Any]
META = {"versionId": "7", "lastUpdated": "2026-01-05T09:00:00Z"}
SYSTEM = "http://terminology.hl7.org/CodeSystem/discharge-disposition"


def resource(type_: str, **fields: Any) -> Resource:
    return {"resourceType": type_, "id": "x", "meta": META, **fields}


def left(code: str, status: str = "finished") -> Resource:
    concept = {"coding": [{"system": SYSTEM, "code": code}]}
    return resource("Encounter", status=status, hospitalization={"dischargeDisposition": concept})


@pytest.mark.parametrize(
    ("encounter", "kinds"),
    [
        (left("home"), ["discharged"]),
        (left("exp"), ["died"]),
        (left("other-hcf"), ["transferred"]),
        (left("home", status="in-progress"), []),
        (left("unheard-of"), []),
        (resource("Encounter", status="finished"), []),
        (resource("Encounter", status="in-progress", **{"class": {"code": "IMP"}}), ["admitted"]),
        (
            resource("Encounter", classHistory=[{"class": {"code": "ACUTE"}}], **{"class": {"code": "EMER"}}),
            ["admitted"],
        ),
        (resource("Encounter", status="arrived", **{"class": {"code": "EMER"}}), []),
    ],
)
def test_the_encounter_tells_where_the_patient_went(encounter: Resource, kinds: list[str]) -> None:
    assert [outcome.kind for outcome in outcomes(encounter, None, [])] == kinds


def test_death_and_intensive_care_stand_in_other_resources_and_name_them() -> None:
    ward = resource("Location", type=[{"coding": [{"code": "ICU"}]}])
    told = outcomes(resource("Encounter"), resource("Patient", deceasedDateTime="2026-01-06"), [ward])
    assert [(o.kind, o.resource) for o in told] == [("icu", "Location/x/_history/7"), ("died", "Patient/x/_history/7")]
    assert told[0].known_at.isoformat() == "2026-01-05T09:00:00+00:00"


def test_locations_are_those_that_the_encounter_names() -> None:
    places = [{"location": {"reference": "Location/a"}}, {"location": {"display": "bed 3"}}, {}]
    assert location_ids(resource("Encounter", location=places)) == ["a"]
