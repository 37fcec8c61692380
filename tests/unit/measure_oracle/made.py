"""Made-up resources of one stay, in the shapes that charts have."""

from datetime import UTC, datetime
from typing import Any

from tests.measure.oracle.items import Item, of_chart

Resource = dict[str, Any]
AT = datetime(2026, 11, 28, 12, tzinfo=UTC)
GROWN, CHILD = "1966-04-12", "2017-03-02"
CATEGORY = "http://terminology.hl7.org/CodeSystem/observation-category"


def patient(born: str = GROWN, id_: str = "p") -> Resource:
    return {"resourceType": "Patient", "id": id_, "meta": {"versionId": "1"}, "gender": "female", "birthDate": born}


def encounter(id_: str = "e", of: str = "p", status: str = "arrived") -> Resource:
    coded = {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "EMER"}
    return {
        "resourceType": "Encounter",
        "id": id_,
        "meta": {"versionId": "1"},
        "status": status,
        "class": coded,
        "subject": {"reference": f"Patient/{of}"},
    }


def observation(id_: str, loinc: str, value: Resource, minute: int = 0, version: int = 1, **more: Any) -> Resource:
    """Return an Observation of 09:MM, written at 10:VV; `more` replaces elements, None takes away."""
    body: Resource = {
        "resourceType": "Observation",
        "id": id_,
        "meta": {"versionId": str(version), "lastUpdated": f"2026-11-28T10:{version:02}:00+00:00"},
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": loinc}]},
        "subject": {"reference": "Patient/p"},
        "encounter": {"reference": "Encounter/e"},
        "effectiveDateTime": f"2026-11-28T09:{minute:02}:00+00:00",
    }
    return {k: v for k, v in (body | value | more).items() if v is not None}


def quantity(value: float | str, unit: str = "") -> Resource:
    return {"valueQuantity": {"value": value} | ({"unit": unit} if unit else {})}


def vital(id_: str, loinc: str, value: float | str, minute: int = 0, **more: Any) -> Resource:
    said = {"valueCodeableConcept": {"text": value}} if isinstance(value, str) else quantity(value)
    return observation(id_, loinc, said, minute, **more)


def result(id_: str = "k", value: float | str = 7.2, flag: str | None = "HH", minute: int = 0, **more: Any) -> Resource:
    """Return a potassium of a laboratory with its range; without a flag where that is None."""
    body: Resource = {
        "category": [{"coding": [{"system": CATEGORY, "code": "laboratory"}]}],
        "referenceRange": [{"low": {"value": 3.5}, "high": {"value": 5.1}}],
    }
    if flag:
        body["interpretation"] = [{"coding": [{"code": flag}]}]
    return observation(id_, more.pop("loinc", "2823-3"), quantity(value, "mmol/L"), minute, **body | more)


def found(*observations: Resource, born: str = GROWN, status: str = "arrived") -> list[Item]:
    """Return the items of a stay with these Observations."""
    everything = [patient(born), encounter(status=status), *observations]
    return of_chart({f"{r['resourceType']}/{r['id']}": r for r in everything}, AT)


def floors(*observations: Resource, born: str = GROWN) -> dict[str, str]:
    return {item.resource.removeprefix("Observation/"): item.floor for item in found(*observations, born=born)}
