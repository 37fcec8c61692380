"""Laboratory results that a hospital writes in one run: critical, flagged, in words, in units nobody knows."""

import random
from collections.abc import Callable
from dataclasses import dataclass, replace

from tests.ward import Resource

OBSERVATION_CATEGORY = "http://terminology.hl7.org/CodeSystem/observation-category"
INTERPRETATION = "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation"


@dataclass(frozen=True)
class Result:
    """One Observation of a laboratory; an empty field is not written."""

    id: str
    loinc: str
    name: str
    value: float | str
    unit: str = ""
    flag: str = ""
    """Code of HL7 v3 ObservationInterpretation."""
    flag_text: str = ""
    """Instead of a code."""
    low: float | None = None
    high: float | None = None
    status: str = "final"


def critical(rng: random.Random, id_: str, other_than: Result | None = None) -> Result:
    """Return a result beyond every critical limit, of another test than that."""
    made = [
        Result(id_, "2823-3", "Potassium", rng.uniform(6.9, 7.9), "mmol/L", "HH", low=3.5, high=5.1),
        Result(id_, "2951-2", "Sodium", rng.uniform(104, 114), "mmol/L", "LL", low=135, high=145),
        Result(id_, "2345-7", "Glucose", rng.uniform(1.1, 1.9), "mmol/L", "LL", low=3.9, high=5.6),
        Result(id_, "718-7", "Haemoglobin", rng.uniform(31, 44), "g/L", "LL", low=120, high=160),
        Result(id_, "2524-7", "Lactate", rng.uniform(7, 12), "mmol/L", "HH", low=0.5, high=2.2),
    ]
    return rng.choice([one for one in made if other_than is None or one.loinc != other_than.loinc])


def _flagged(rng: random.Random, id_: str) -> Result:
    return rng.choice(
        [
            Result(id_, "2823-3", "Potassium", rng.uniform(5.2, 5.8), "mmol/L", "H", low=3.5, high=5.1),
            Result(id_, "777-3", "Platelets", rng.uniform(90, 140), "10*9/L", "L", low=150, high=400),
        ]
    )


def _flagged_in_words(rng: random.Random, id_: str) -> Result:
    value = rng.uniform(6.9, 7.9)
    return Result(id_, "2823-3", "Potassium", value, "mmol/L", flag_text="Critical high", low=3.5, high=5.1)


def _in_words(rng: random.Random, id_: str) -> Result:
    return Result(id_, "600-7", "Blood culture", f"Gram-positive cocci in clusters, bottle {rng.randint(1, 4)}")


def _unknown_unit(rng: random.Random, id_: str) -> Result:
    return Result(id_, "1988-5", "C-reactive protein", rng.uniform(60, 90), "arb.U")


def _without_range(rng: random.Random, id_: str) -> Result:
    return Result(id_, "1798-8", "Amylase", rng.uniform(150, 400), "U/L")


def _without_unit(rng: random.Random, id_: str) -> Result:
    return Result(id_, "2160-0", "Creatinine", rng.uniform(9, 13), flag="H", low=0.6, high=1.2)


def _in_order(rng: random.Random, id_: str) -> Result:
    return Result(id_, "2951-2", "Sodium", rng.uniform(137, 143), "mmol/L", "N", low=135, high=145)


DRAWN: dict[Callable[[random.Random, str], Result], int] = {
    critical: 5,
    _flagged: 4,
    _flagged_in_words: 2,
    _in_words: 2,
    _unknown_unit: 2,
    _without_unit: 2,
    _without_range: 2,
    _in_order: 3,
}
"""Weights of what a laboratory reports."""


def drawn(rng: random.Random, id_: str, other_than: Result | None = None) -> Result:
    """Return any result, of another test than that."""
    while True:
        (kind,) = rng.choices(list(DRAWN), list(DRAWN.values()))
        made = kind(rng, id_)
        if other_than is None or made.loinc != other_than.loinc:
            return made


def repeated(rng: random.Random, first: Result, id_: str) -> Result:
    """Return the same test again as another result: a number not worse and within 5 %, words as they were."""
    if isinstance(first.value, str):
        return replace(first, id=id_)
    nearer = 1 if first.flag in ("L", "LL") else -1
    return replace(first, id=id_, value=first.value * (1 + nearer * rng.uniform(0.001, 0.03)))


def corrected(rng: random.Random, first: Result) -> Result:
    """Return the same result with another value, in order where it has a range."""
    if first.low is None or first.high is None:
        value = "No growth" if isinstance(first.value, str) else first.value / 3
        return replace(first, value=value, status="corrected")
    share = rng.uniform(0.3, 0.7)
    value = first.low + share * (first.high - first.low)
    return replace(first, value=value, flag="N", flag_text="", status="corrected")


def withdrawn(first: Result) -> Result:
    return replace(first, status="entered-in-error")


def observation(result: Result, encounter: str, taken_at: str) -> Resource:
    """Return it as a chart holds it."""
    body: Resource = {
        "resourceType": "Observation",
        "id": result.id,
        "status": result.status,
        "category": [{"coding": [{"system": OBSERVATION_CATEGORY, "code": "laboratory"}]}],
        "code": {"coding": [{"system": "http://loinc.org", "code": result.loinc}], "text": result.name},
        "subject": {"reference": f"Patient/{encounter}"},
        "encounter": {"reference": f"Encounter/{encounter}"},
        "effectiveDateTime": taken_at,
    }
    if isinstance(result.value, str):
        body["valueString"] = result.value
    else:
        body["valueQuantity"] = {"value": result.value} | ({"unit": result.unit} if result.unit else {})
    if result.flag_text:
        body["interpretation"] = [{"text": result.flag_text}]
    elif result.flag:
        body["interpretation"] = [{"coding": [{"system": INTERPRETATION, "code": result.flag}]}]
    bounds = {side: {"value": v} for side, v in (("low", result.low), ("high", result.high)) if v is not None}
    return body | ({"referenceRange": [bounds]} if bounds else {})
