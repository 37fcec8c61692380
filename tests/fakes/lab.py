"""Results as a laboratory sends them to a running ward's chart."""

from typing import Any

from integrations import clock


def result(encounter: str, code: str, value: float, unit: str, **more: Any) -> dict[str, Any]:
    """Return a numeric result of now by its LOINC code, one of its kind in the stay."""
    return {
        "resourceType": "Observation",
        "id": f"{encounter}-{code}",
        "status": "final",
        "category": [{"coding": [{"code": "laboratory"}]}],
        "code": {"coding": [{"system": "http://loinc.org", "code": code}]},
        "subject": {"reference": f"Patient/{encounter}"},
        "encounter": {"reference": f"Encounter/{encounter}"},
        "effectiveDateTime": clock.now().isoformat(),
        "valueQuantity": {"value": value, "unit": unit},
        **more,
    }
