"""Laboratory results of one made-up stay, as a chart has them."""

from typing import Any

from agents.result_followup.analytes import ANALYTES
from agents.result_followup.pathway import ResultFollowup
from contracts.result_followup import ResultFollowupOptions

PATHWAY = ResultFollowup(ResultFollowupOptions())
LOINC = {key: analyte.loinc[0] for key, analyte in ANALYTES.items()}
ENCOUNTER = {"resourceType": "Encounter", "id": "enc-1", "status": "arrived", "subject": {"reference": "Patient/p"}}


def result(key: str, value: float, unit: str = "") -> dict[str, Any]:
    """Return the Observation of an analyte; the unit is the one that the follow-up shows."""
    quantity = {"value": value, "unit": unit or ANALYTES[key].reading.unit}
    return {
        "resourceType": "Observation",
        "id": f"lab-{key}",
        "meta": {"versionId": "3"},
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": LOINC[key]}]},
        "subject": {"reference": "Patient/p"},
        "encounter": {"reference": "Encounter/enc-1"},
        "effectiveDateTime": "2026-01-05T08:00:00Z",
        "valueQuantity": quantity,
    }


def flagged(name: str, value: float, flag: str, code: str = "6598-7", unit: str = "ng/mL") -> dict[str, Any]:
    """Return an Observation of this name that the laboratory flagged; 6598-7 is the LOINC code of troponin T."""
    laboratory = {"category": [{"coding": [{"code": "laboratory"}]}]}
    named = {"code": {"text": name, "coding": [{"system": "http://loinc.org", "code": code}]}}
    reported = {"interpretation": [{"coding": [{"code": flag}]}], "valueQuantity": {"value": value, "unit": unit}}
    return result("k", 4.0) | {"id": f"lab-{code}"} | laboratory | named | reported
