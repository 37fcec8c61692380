"""Laboratory analytes by LOINC code, and published limits beyond which a value of a grown person is critical."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from tests.measure.oracle.resources import Number, Part

ADULT_YEARS = 18


@dataclass(frozen=True)
class Analyte:
    """Critical limits hold beyond them, in the unit whose factor is 1."""

    loinc: frozenset[str]
    factors: dict[str, float]
    low: float = -math.inf
    high: float = math.inf
    judged: frozenset[int] = frozenset()
    """Directions (1: too high, -1: too low) in which lists have a limit, whatever its number."""
    bare: bool = False
    """Whether a number without a unit is in that unit: every unit in use gives the same number."""


BOTH = frozenset([1, -1])
_MOLAR = {"mmol/l": 1.0, "meq/l": 1.0, "mval/l": 1.0}
ANALYTES = {
    "potassium": Analyte(frozenset(["2823-3", "6298-4", "77142-8", "75940-7"]), _MOLAR, 2.5, 6.5, BOTH, bare=True),
    "sodium": Analyte(frozenset(["2951-2", "2947-0", "77139-4"]), _MOLAR, 120, 160, BOTH, bare=True),
    "glucose": Analyte(
        frozenset(["2345-7", "2339-0", "15074-8", "14749-6", "41653-7", "2340-8"]),
        {"mmol/l": 1.0, "mg/dl": 1 / 18.016},
        2.5,
        25,
        BOTH,
    ),
    "calcium": Analyte(frozenset(["17861-6", "2000-8"]), {"mmol/l": 1.0, "mg/dl": 0.2495}, 1.8, 3.5, BOTH),
    "haemoglobin": Analyte(frozenset(["718-7", "59260-0", "20509-6"]), {"g/l": 1.0, "g/dl": 10.0}, low=50),
    "lactate": Analyte(frozenset(["2524-7", "32693-4", "2518-9", "14118-4"]), {"mmol/l": 1.0}),
    "creatinine": Analyte(
        frozenset(["2160-0", "38483-4", "14682-9"]), {"umol/l": 1.0, "mg/dl": 88.4}, judged=frozenset([1])
    ),
    "urea": Analyte(frozenset(["22664-7", "3094-0", "6299-2"]), {"mmol/l": 1.0, "mg/dl": 0.357}, judged=frozenset([1])),
    "magnesium": Analyte(frozenset(["2601-3", "19123-9"]), {"mmol/l": 1.0, "mg/dl": 0.4114}, judged=frozenset([-1])),
    "phosphate": Analyte(frozenset(["14879-1", "2777-1"]), {"mmol/l": 1.0, "mg/dl": 0.3229}, judged=frozenset([-1])),
}
"""Limits of adults. Lists differ, so each limit is the one that the fewest of these call critical: South West London
Pathology, "Grossly abnormal results" (swlpath.nhs.uk); Heart of England, "Phoning and critical limits"
(heftpathology.com); Homerton, "Urgent chemical pathology results" (homerton.nhs.uk), which follow the Royal College of
Pathologists; read on 30 November 2026. The project's documents name no numbers."""
ALBUMIN = frozenset(["1751-7", "61151-7", "2862-1", "54347-0"])
"""LOINC; where it is known, calcium is judged for it, which the oracle does not."""


def analyte_of(loinc: Iterable[str]) -> str | None:
    """Return the name of the analyte that LOINC codes stand for, or None."""
    wanted = set(loinc)
    return next((name for name, analyte in ANALYTES.items() if analyte.loinc & wanted), None)


def beyond_limit(part: Part, found: Number, albumin: bool) -> int:
    """Return 1 or -1 where a number of a grown person is above or below a critical limit, else 0."""
    name = analyte_of(part.loinc)
    if name is None or (name == "calcium" and albumin):
        return 0
    analyte = ANALYTES[name]
    factor = _factor(analyte, found)
    if not factor:
        return 0
    value = found.value * factor
    if value > analyte.high and not found.comparator.startswith("<"):
        return 1
    return -1 if value < analyte.low and not found.comparator.startswith(">") else 0


def judged_by_limit(part: Part, found: Number, direction: int) -> bool:
    """Return whether a number of a grown person is in a unit in which a list of limits has one for that direction;
    of an unknown direction, 0, whether it has both."""
    name = analyte_of(part.loinc)
    if name is None or not _factor(ANALYTES[name], found):
        return False
    judged = ANALYTES[name].judged
    return direction in judged if direction else judged == BOTH


def _factor(analyte: Analyte, found: Number) -> float:
    """Return what makes a number one of our unit; 0 where its units differ or are not known."""
    factors = {analyte.factors.get(unit, 0.0) for unit in found.units} or {1.0 if analyte.bare else 0.0}
    return factors.pop() if len(factors) == 1 else 0.0
