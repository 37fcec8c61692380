"""Made-up emergency arrivals of a fixed size, put into the FHIR server's store before it starts, and told to us."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.measure.benchmarks.wire import request

Resource = dict[str, Any]
WHEN = "2026-01-05T08:00:00+00:00"
OBSERVED = {
    "complaint": ("8661-1", {"valueString": "short of breath since this morning"}),
    "arrival": ("11459-5", {"valueString": "ambulance"}),
    "pain": ("72514-3", {"valueInteger": 4}),
    "avpu": ("67775-7", {"valueCodeableConcept": {"text": "alert"}}),
    "hr": ("8867-4", {"valueQuantity": {"value": 96, "unit": "/min"}}),
    "rr": ("9279-1", {"valueQuantity": {"value": 18, "unit": "/min"}}),
    "sbp": ("8480-6", {"valueQuantity": {"value": 128, "unit": "mm[Hg]"}}),
    "dbp": ("8462-4", {"valueQuantity": {"value": 76, "unit": "mm[Hg]"}}),
    "temp": ("8310-5", {"valueQuantity": {"value": 37.2, "unit": "Cel"}}),
    "spo2": ("59408-5", {"valueQuantity": {"value": 97, "unit": "%"}}),
    "oxygen": ("3151-8", {"valueQuantity": {"value": 2, "unit": "L/min"}}),
}
EVENTS_EACH = len(OBSERVED) + 1


def encounter_id(number: int) -> str:
    return f"bench-{number}"


def chart(number: int) -> list[Resource]:
    """Return one arrival: the Patient, and then what a feed tells of: the Encounter and its Observations."""
    id_ = encounter_id(number)
    patient = {"resourceType": "Patient", "id": id_, "gender": "female", "birthDate": "1961-02-03"}
    encounter = {
        "resourceType": "Encounter",
        "id": id_,
        "status": "arrived",
        "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "EMER"},
        "subject": {"reference": f"Patient/{id_}"},
        "period": {"start": WHEN},
        "reasonCode": [{"text": "short of breath since this morning"}],
    }
    observations = [
        {
            "resourceType": "Observation",
            "id": f"{id_}-{key}",
            "status": "final",
            "code": {"coding": [{"system": "http://loinc.org", "code": code}]},
            "subject": {"reference": f"Patient/{id_}"},
            "encounter": {"reference": f"Encounter/{id_}"},
            "effectiveDateTime": WHEN,
            **value,
        }
        for key, (code, value) in OBSERVED.items()
    ]
    return [patient, encounter, *observations]


def notifications(number: int, secret: str) -> list[bytes]:
    """Return the requests by which a feed tells of that arrival, as the FHIR server has it in its store."""
    return [
        notification(body | {"meta": {"versionId": "1", "lastUpdated": WHEN}}, secret) for body in chart(number)[1:]
    ]


def notification(body: Resource, secret: str) -> bytes:
    path = f"/feeds/ehr/{body['resourceType']}/{body['id']}"
    return request("PUT", path, json.dumps(body).encode(), authorization=f"Bearer {secret}")


def entries(bodies: list[Resource]) -> Iterator[Resource]:
    for body in bodies:
        yield {"resource": body, "request": {"method": "PUT", "url": f"{body['resourceType']}/{body['id']}"}}


def preload(state: Path, count: int) -> None:
    """Put the first `count` charts into the store of a FHIR server that is not running yet.

    By the server's own code, in a process of its own: what the hospital's clinicians do is not ours to measure.
    """
    (state / "fhir").mkdir(parents=True, exist_ok=True)
    argv = [sys.executable, "-m", "tests.measure.benchmarks.hospital", str(state / "fhir" / "sekmet.db"), str(count)]
    subprocess.run(argv, check=True)


def _fill(database: str, count: int) -> None:
    from sekmet.fhir import store as chart_store

    chart_store.instant = lambda: WHEN  # else our reconciler would find at its start what nobody told it of
    store = chart_store.Store(database)
    with store.transaction():
        for number in range(count):
            for body in chart(number):
                store.update(body)


if __name__ == "__main__":
    _fill(sys.argv[1], int(sys.argv[2]))
