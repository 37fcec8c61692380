"""Synthetic emergency arrivals of our own, and the shifting of any recorded ones to now; nothing here is a patient."""

import base64
import json
import random
import re
import uuid
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from agents import codes
from contracts.errors import ConfigurationError, ConfigurationFault

Bundle = dict[str, Any]
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
START = datetime.fromisoformat("2026-01-05T08:00:00+00:00")
# complaint, and the centre of HR, RR, SBP, SpO2, temperature: made up, only so that rules and model have work
PRESENTATIONS = (
    ("chest pain, sweating", 112, 24, 98, 93, 36.8),
    ("short of breath since this morning", 118, 28, 128, 89, 37.2),
    ("fever and confusion", 124, 26, 94, 94, 39.3),
    ("abdominal pain, vomiting", 98, 18, 124, 98, 37.6),
    ("twisted ankle", 82, 16, 132, 99, 36.6),
    ("headache for two days", 78, 15, 138, 98, 36.7),
    ("cut on the hand", 84, 16, 126, 99, 36.5),
    ("cough and sore throat", 88, 18, 122, 97, 37.9),
    ("fall, hip pain", 92, 18, 144, 96, 36.4),
    ("repeat prescription", 74, 14, 128, 98, 36.6),
)
# LOINC, name, unit, and the range that the laboratory prints: made up
ANALYTES = {
    "na": (codes.SODIUM[0], "Sodium", codes.MMOL_PER_LITRE, 135, 145),
    "k": (codes.POTASSIUM[0], "Potassium", codes.MMOL_PER_LITRE, 3.5, 5.1),
    "cl": (codes.CHLORIDE[0], "Chloride", codes.MMOL_PER_LITRE, 98, 107),
    "hco3": (codes.BICARBONATE[0], "Bicarbonate", codes.MMOL_PER_LITRE, 22, 29),
    "creatinine": (codes.CREATININE[1], "Creatinine", codes.UMOL_PER_LITRE, 45, 104),
    "glucose": (codes.GLUCOSE[1], "Glucose", codes.MMOL_PER_LITRE, 3.9, 7.8),
    "calcium": (codes.CALCIUM[1], "Calcium", codes.MMOL_PER_LITRE, 2.15, 2.55),
    "albumin": (codes.ALBUMIN[1], "Albumin", codes.GRAMS_PER_LITRE, 35, 50),
    "troponin": (codes.TROPONIN_T, "Troponin T, high sensitivity", codes.NG_PER_LITRE, 0, 14),
}
# made up as well: failing kidneys, ketoacidosis, a high calcium, a heart, and nothing much
RESULTS: tuple[dict[str, float], ...] = (
    {"na": 133, "k": 7.0, "cl": 100, "hco3": 15, "creatinine": 480},
    {"na": 129, "k": 5.4, "cl": 93, "hco3": 9, "creatinine": 121, "glucose": 31},
    {"na": 139, "k": 4.0, "creatinine": 118, "calcium": 3.35, "albumin": 29},
    {"na": 140, "k": 4.2, "creatinine": 88, "troponin": 96},
    {"na": 131, "k": 3.3, "cl": 96, "hco3": 24, "creatinine": 71},
)
EVERY = 4
"""One arrival of so many has blood taken, and its results come after the vitals."""
DICTATED = 6
"""Of one in so many somebody dictates the history: always the same recording, made by a machine (samples/)."""
SPOKEN = Path(__file__).with_name("samples") / "dictation.ogg"
TAKEN = ("hydralazine 25 mg", "metoprolol 50 mg")


def synthetic(seed: int, count: int) -> Iterator[list[Bundle]]:
    """Yield for each arrival the bundles that tell of it: some twice, some with vitals late or changed."""
    rng = random.Random(seed)
    for number in range(count):
        complaint, *centres = PRESENTATIONS[rng.randrange(len(PRESENTATIONS))]
        id_ = f"syn-{uuid.UUID(int=rng.getrandbits(128)).hex[:12]}"
        start = START + timedelta(minutes=number)
        first = _arrival(rng, id_, start, complaint)
        vitals = _vitals(rng, id_, start, centres)
        parts = [first + vitals]
        draw = rng.random()
        if draw < 0.10:
            parts = [first, vitals]  # the vitals come late
        elif draw < 0.20:
            parts = [first + vitals, _vitals(rng, id_, start, [centres[0] + 25, centres[1] + 6, *centres[2:]])]
        elif draw < 0.30:
            parts = [first + vitals, first + vitals]  # told twice
        if number % EVERY == EVERY - 1:
            parts.append(_results(random.Random(f"{seed}:{number}"), id_, start + timedelta(minutes=1)))
        if number % DICTATED == 1:
            parts.append(_dictation(id_, start + timedelta(minutes=1)))
        yield [_bundle(part) for part in parts]


def recorded(lines: Iterator[str]) -> Iterator[list[Bundle]]:
    """Yield each transaction bundle of an NDJSON file."""
    for line in lines:
        if line.strip():
            yield [json.loads(line)]


def encounter_of(bundle: Bundle) -> str | None:
    """Return the id of the bundle's encounter."""
    bodies = (entry["resource"] for entry in bundle["entry"])
    return next((b["id"] for b in bodies if b["resourceType"] == "Encounter"), None)


def shifted(bundles: list[Bundle], now: datetime) -> list[Bundle]:
    """Return the bundles with every moment moved by as much as brings the encounter's start to `now`."""
    text = json.dumps(bundles)
    bodies = (entry["resource"] for bundle in bundles for entry in bundle["entry"])
    starts = (b.get("period", {}).get("start") for b in bodies if b["resourceType"] == "Encounter")
    start = next(starts, None)
    if start is None:
        raise ConfigurationError(
            ConfigurationFault.SETTING, "a bundle without an Encounter that has a period.start", setting="arrivals"
        )
    by = now - datetime.fromisoformat(start.replace("Z", "+00:00"))

    def move(found: re.Match[str]) -> str:
        return (datetime.fromisoformat(found.group().replace("Z", "+00:00")) + by).isoformat(timespec="seconds")

    return json.loads(MOMENT.sub(move, text))


def _bundle(bodies: list[Bundle]) -> Bundle:
    entries = [{"resource": b, "request": {"method": "PUT", "url": f"{b['resourceType']}/{b['id']}"}} for b in bodies]
    return {"resourceType": "Bundle", "type": "transaction", "entry": entries}


def _arrival(rng: random.Random, id_: str, start: datetime, complaint: str) -> list[Bundle]:
    born = f"{start.year - rng.randrange(18, 95)}-0{rng.randrange(1, 9)}-1{rng.randrange(0, 9)}"
    gender = rng.choice(["female", "male"])
    patient = {"resourceType": "Patient", "id": id_, "gender": gender, "birthDate": born}
    kind = {"system": codes.ENCOUNTER_CLASS, "code": "EMER"}
    encounter = {
        "resourceType": "Encounter",
        "id": id_,
        "status": "arrived",
        "class": kind,
        "subject": {"reference": f"Patient/{id_}"},
        "period": {"start": start.isoformat()},
        "reasonCode": [{"text": complaint}],
    }
    return [patient, encounter, observation(id_, start, "complaint", codes.CHIEF_COMPLAINT, {"valueString": complaint})]


def _vitals(rng: random.Random, id_: str, start: datetime, centres: list[float]) -> list[Bundle]:
    hr, rr, sbp, spo2, temp = centres

    def near(centre: float, spread: float) -> int:
        return round(rng.gauss(centre, spread))

    def quantity(value: float, unit: str) -> Bundle:
        return {"valueQuantity": {"value": value, "unit": unit, "system": codes.UCUM, "code": unit}}

    measured = {
        "hr": (codes.HEART_RATE, quantity(near(hr, 8), codes.PER_MINUTE)),
        "rr": (codes.RESPIRATORY_RATE, quantity(near(rr, 2), codes.PER_MINUTE)),
        "sbp": (codes.SYSTOLIC, quantity(near(sbp, 10), codes.MMHG)),
        "spo2": (codes.PULSE_OXIMETRY, quantity(min(100, near(spo2, 1)), codes.PERCENT)),
        "temp": (codes.BODY_TEMPERATURE, quantity(round(rng.gauss(temp, 0.3), 1), codes.CELSIUS)),
        "avpu": (
            codes.RESPONSIVENESS,
            {"valueCodeableConcept": {"text": "alert" if rng.random() < 0.95 else "verbal"}},
        ),
    }
    return [observation(id_, start, key, code, value) for key, (code, value) in measured.items()]


def _results(rng: random.Random, id_: str, at: datetime) -> list[Bundle]:
    found: list[Bundle] = []
    for key, centre in rng.choice(RESULTS).items():
        code, name, unit, low, high = ANALYTES[key]
        value = round(rng.gauss(centre, centre * 0.02), 2 if centre < 4 else 1 if centre < 20 else None)
        flag = "H" if value > high else "L" if value < low else "N"
        told = observation(id_, at, f"lab-{key}", code, {"valueQuantity": {"value": value, "unit": unit}})
        told["code"] |= {"text": name}
        told["category"] = [{"coding": [codes.category("laboratory")]}]
        told["interpretation"] = [{"coding": [{"system": codes.INTERPRETATION, "code": flag}]}]
        told["referenceRange"] = [{"low": {"value": low, "unit": unit}, "high": {"value": high, "unit": unit}}]
        found.append(told)
    return found


def _dictation(id_: str, at: datetime) -> list[Bundle]:
    whose = {"reference": f"Patient/{id_}"}
    medications: list[Bundle] = [
        {
            "resourceType": "MedicationStatement",
            "id": f"{id_}-med-{number}",
            "status": "active",
            "medicationCodeableConcept": {"text": name},
            "subject": whose,
        }
        for number, name in enumerate(TAKEN)
    ]
    audio = {"contentType": "audio/ogg", "data": base64.b64encode(SPOKEN.read_bytes()).decode()}
    media = {
        "resourceType": "Media",
        "id": f"{id_}-dictation",
        "status": "completed",
        "subject": whose,
        "encounter": {"reference": f"Encounter/{id_}"},
        "createdDateTime": at.isoformat(),
        "content": audio,
    }
    return [*medications, media]


def observation(id_: str, at: datetime, key: str, code: str, value: Bundle) -> Bundle:
    """Return an Observation of the stay and patient of that id; `value` is its FHIR value element."""
    return {
        "resourceType": "Observation",
        "id": f"{id_}-{key}",
        "status": "final",
        "code": {"coding": [codes.loinc(code)]},
        "subject": {"reference": f"Patient/{id_}"},
        "encounter": {"reference": f"Encounter/{id_}"},
        "effectiveDateTime": at.isoformat(),
        **value,
    }
