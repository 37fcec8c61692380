"""What is read of a laboratory: names, units, and the limits beyond which a result is critical."""

from collections.abc import Mapping
from dataclasses import dataclass

from agents.charts import Reading
from agents.quantities import Convert, Measure, known, same
from contracts.charts import FactKind


@dataclass(frozen=True)
class Analyte:
    """Limits are in the unit of its reading, and are critical themselves."""

    reading: Reading
    loinc: tuple[str, ...]
    low: float | None = None
    high: float | None = None


def _times(factor: float) -> Convert:
    return lambda value: round(value * factor, 4)


def _measure(units: Mapping[str, Convert], limits: tuple[float, float], step: float = 0.1) -> Measure:
    return Measure(units, limits, step)


MMOL = known(same, "mmol/l")
MONOVALENT = MMOL | known(same, "meq/l")
UMOL = known(same, "umol/l", "µmol/l", "μmol/l")


def _per_dl(molar_mass: float) -> dict[str, Convert]:
    """Return mg/dL to mmol/L."""
    return known(_times(10 / molar_mass), "mg/dl")


# Critical limits of adults: Royal College of Pathologists, The communication of critical and unexpected pathology
# results, G158, October 2017. Molar masses in g/mol; urea nitrogen counts its two N.
CRITICAL = "RCPath G158 (2017), adults"
ANALYTES = {
    "na": Analyte(
        Reading("Sodium", "mmol/L", measure=_measure(MONOVALENT, (80, 200), 1)), ("2951-2", "2947-0"), 120, 160
    ),
    "k": Analyte(Reading("Potassium", "mmol/L", measure=_measure(MONOVALENT, (1, 12))), ("2823-3", "6298-4"), 2.5, 6.5),
    "cl": Analyte(Reading("Chloride", "mmol/L", measure=_measure(MONOVALENT, (50, 160), 1)), ("2075-0", "2069-3")),
    "hco3": Analyte(
        Reading("Bicarbonate", "mmol/L", measure=_measure(MONOVALENT, (1, 60), 1)), ("1963-8", "1959-6", "2028-9")
    ),
    "creatinine": Analyte(
        Reading("Creatinine", "umol/L", measure=_measure(UMOL | known(_times(88.4), "mg/dl"), (5, 3000), 1)),
        ("2160-0", "14682-9"),
        high=354,
    ),
    "urea": Analyte(
        Reading("Urea", "mmol/L", measure=_measure(MMOL | _per_dl(28.014), (0.1, 120))), ("22664-7", "3094-0"), high=30
    ),
    "glucose": Analyte(
        Reading("Glucose", "mmol/L", measure=_measure(MMOL | _per_dl(180.16), (0.1, 140))),
        ("2345-7", "14749-6", "2339-0"),
        2.5,
        25,
    ),
    "calcium": Analyte(
        Reading("Calcium", "mmol/L", measure=_measure(MMOL | _per_dl(40.078), (0.5, 6), 0.01)), ("17861-6", "2000-8")
    ),
    "albumin": Analyte(
        Reading("Albumin", "g/L", measure=_measure(known(same, "g/l") | known(_times(10), "g/dl"), (5, 70), 1)),
        ("1751-7", "61151-7"),
    ),
    "magnesium": Analyte(
        Reading("Magnesium", "mmol/L", measure=_measure(MMOL | _per_dl(24.305), (0.1, 10), 0.01)),
        ("2601-3", "19123-9"),
        low=0.4,
    ),
    "phosphate": Analyte(
        Reading("Phosphate", "mmol/L", measure=_measure(MMOL | _per_dl(30.974), (0.05, 10), 0.01)),
        ("14879-1", "2777-1"),
        low=0.3,
    ),
    "qt": Analyte(Reading("QT interval", "ms", measure=_measure(known(same, "ms"), (150, 900), 1)), ("8634-8",)),
    "hr": Analyte(
        Reading("HR", "/min", measure=_measure(known(same, "/min", "{beats}/min", "bpm"), (15, 350), 1)), ("8867-4",)
    ),
}
READINGS = {key: analyte.reading for key, analyte in ANALYTES.items()} | {
    "encounter": Reading("Encounter", kind=FactKind.STAY)
}
CODES = {code: key for key, analyte in ANALYTES.items() for code in analyte.loinc}
RESULTS = ANALYTES.keys() - {"hr"}
"""What a case may be about; a heart rate is read for QTc alone."""
