"""Randomised laboratory cases with known answers, worked out here from the published formulas in the charted units.

Nothing of the application takes part in an answer, and no answer leaves this process: a model is asked for a program.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

NOW = datetime(2026, 6, 15, 12, 0, tzinfo=UTC)
ENCOUNTER = "calc"
Results = dict[str, tuple[float, str]]
"""LOINC code to value and unit."""
CREATININE, SODIUM, CHLORIDE, BICARBONATE = "2160-0", "2951-2", "2075-0", "1963-8"
CALCIUM, ALBUMIN, GLUCOSE, QT, HEART_RATE = "17861-6", "1751-7", "2345-7", "8634-8", "8867-4"


@dataclass(frozen=True)
class Case:
    formula: str
    chart: list[dict[str, Any]]
    answer: float


def cases(seed: int, count: int) -> list[Case]:
    """Return so many cases, the formulas in turn."""
    rng, makers = random.Random(seed), list(MAKERS.items())
    made: list[Case] = []
    for number in range(count):
        formula, make = makers[number % len(makers)]
        years, gender = rng.randint(18, 95), rng.choice(("female", "male"))
        results, answer = make(rng, years, gender)
        made.append(Case(formula, _chart(results, years, gender), answer))
    return made


def _egfr(rng: random.Random, years: int, gender: str) -> tuple[Results, float]:
    """CKD-EPI 2021 (Inker et al., N Engl J Med 2021;385:1737), serum creatinine in mg/dL."""
    mgdl = round(rng.choice((rng.uniform(0.35, 0.9), rng.uniform(0.7, 1.4), rng.uniform(1.4, 9))), 2)
    charted = (mgdl, "mg/dL")
    if rng.random() < 0.5:
        umol = float(round(mgdl * 88.4))
        mgdl, charted = umol / 88.4, (umol, "umol/L")
    k, a, more = (0.7, -0.241, 1.012) if gender == "female" else (0.9, -0.302, 1.0)
    ratio = mgdl / k
    answer = 142 * (ratio**a if ratio < 1 else ratio**-1.2) * 0.9938**years * more
    return {CREATININE: charted}, answer


def _anion_gap(rng: random.Random, _years: int, _gender: str) -> tuple[Results, float]:
    """Na - Cl - HCO3, without potassium (Emmett and Narins, Medicine 1977;56:38)."""
    na, cl, hco3 = rng.randint(118, 160), rng.randint(80, 125), rng.randint(5, 40)
    if not -8 < na - cl - hco3 < 55:
        return _anion_gap(rng, _years, _gender)
    unit = rng.choice(("mmol/L", "meq/L"))
    return {SODIUM: (na, unit), CHLORIDE: (cl, unit), BICARBONATE: (hco3, unit)}, na - cl - hco3


def _corrected_calcium(rng: random.Random, _years: int, _gender: str) -> tuple[Results, float]:
    """Total calcium + 0.02 for each g/L of albumin under 40 (Payne et al., BMJ 1973;4:643)."""
    calcium, albumin = round(rng.uniform(1.5, 3.6), 2), rng.randint(15, 52)
    grams = (albumin, "g/L") if rng.random() < 0.5 else (albumin / 10, "g/dL")
    return {CALCIUM: (calcium, "mmol/L"), ALBUMIN: grams}, calcium + (40 - albumin) / 50


def _corrected_sodium(rng: random.Random, _years: int, _gender: str) -> tuple[Results, float]:
    """1.6 mmol/L for each 100 mg/dL of glucose over 100 (Katz, N Engl J Med 1973;289:843)."""
    sodium, mgdl = rng.randint(115, 150), float(rng.randint(210, 1100))
    charted = (mgdl, "mg/dL")
    if rng.random() < 0.5:
        mmol = round(mgdl / 18.016, 1)
        mgdl, charted = mmol * 18.016, (mmol, "mmol/L")
    return {SODIUM: (sodium, "mmol/L"), GLUCOSE: charted}, sodium + (mgdl - 100) * 0.016


def qtc(rng: random.Random, _years: int, _gender: str) -> tuple[Results, float]:
    """QT over the cube root of the RR interval in seconds (Fridericia, Acta Med Scand 1920;53:469)."""
    qt, rate = rng.randint(260, 560), rng.randint(40, 150)
    answer = qt / (60 / rate) ** (1 / 3)
    if not 220 < answer < 780:
        return qtc(rng, _years, _gender)
    return {QT: (qt, "ms"), HEART_RATE: (rate, "/min")}, answer


MAKERS: dict[str, Callable[[random.Random, int, str], tuple[Results, float]]] = {
    "egfr": _egfr,
    "anion_gap": _anion_gap,
    "corrected_calcium": _corrected_calcium,
    "corrected_sodium": _corrected_sodium,
    "qtc": qtc,
}


def _chart(results: Results, years: int, gender: str) -> list[dict[str, Any]]:
    patient = {"resourceType": "Patient", "id": "p", "gender": gender, "birthDate": f"{NOW.year - years}-01-02"}
    encounter = {
        "resourceType": "Encounter",
        "id": ENCOUNTER,
        "status": "arrived",
        "subject": {"reference": "Patient/p"},
    }
    return [patient, encounter, *(_observation(code, *measured) for code, measured in results.items())]


def _observation(code: str, value: float, unit: str) -> dict[str, Any]:
    return {
        "resourceType": "Observation",
        "id": f"o-{code}",
        "meta": {"versionId": "1"},
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": code}]},
        "subject": {"reference": "Patient/p"},
        "encounter": {"reference": f"Encounter/{ENCOUNTER}"},
        "effectiveDateTime": NOW.isoformat(),
        "valueQuantity": {"value": value, "unit": unit},
    }
