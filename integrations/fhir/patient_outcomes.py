"""What a chart tells later of how a patient fared; pure."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from contracts.tuning import Outcome
from integrations.fhir.client import Resource

ADMITTED = {"IMP", "ACUTE", "NONAC"}  # Encounter.class, HL7 v3 ActCode: inpatient
INTENSIVE = {"ICU", "PEDICU", "PEDNICU", "CCU"}  # Location.type, HL7 v3 RoleCode
DISPOSITIONS = {  # Encounter.hospitalization.dischargeDisposition, FHIR R4 discharge-disposition
    "home": "discharged", "alt-home": "discharged", "aadvice": "discharged", "exp": "died", "other-hcf": "transferred",
    "psy": "transferred", "rehab": "transferred", "snf": "transferred", "long": "transferred",
}  # fmt: skip


def location_ids(encounter: Resource) -> list[str]:
    """Return the ids of the Locations that the encounter names."""
    told = [place.get("location", {}).get("reference", "") for place in encounter.get("location", ())]
    return [reference.removeprefix("Location/") for reference in told if reference.startswith("Location/")]


def outcomes(encounter: Resource, patient: Resource | None, locations: Sequence[Resource]) -> list[Outcome]:
    """Return what is known, each kind once; an encounter that ended without a disposition tells nothing."""
    found: dict[str, Outcome] = {}

    def note(kind: str | None, resource: Resource) -> None:
        if kind and kind not in found:
            meta = resource["meta"]
            where = f"{resource['resourceType']}/{resource['id']}/_history/{meta['versionId']}"
            known_at = datetime.fromisoformat(meta["lastUpdated"].replace("Z", "+00:00"))
            found[kind] = Outcome(kind=kind, known_at=known_at, resource=where)

    classes = [encounter.get("class", {}), *(past.get("class", {}) for past in encounter.get("classHistory", ()))]
    if any(one.get("code") in ADMITTED for one in classes):
        note("admitted", encounter)
    for location in locations:
        if INTENSIVE & _codes(location.get("type", ())):
            note("icu", location)
    if encounter.get("status") == "finished":
        for code in _codes([encounter.get("hospitalization", {}).get("dischargeDisposition", {})]):
            note(DISPOSITIONS.get(code), encounter)
    if patient and (patient.get("deceasedBoolean") or patient.get("deceasedDateTime")):
        note("died", patient)
    return list(found.values())


def _codes(concepts: Iterable[Any]) -> set[str]:
    return {coding.get("code", "") for concept in concepts for coding in concept.get("coding", ())}
