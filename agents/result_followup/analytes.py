"""What is read of a laboratory: names, units, and the limits beyond which a result is critical."""

from collections.abc import Mapping
from dataclasses import dataclass

from agents import codes
from agents.charts import Reading
from agents.physiology import POSSIBLE, UNITS, Range
from agents.quantities import Convert, Measure, known, same
from contracts.charts import FactKind


@dataclass(frozen=True)
class Analyte:
    """Limits are in the unit of its reading, and are critical themselves."""

    reading: Reading
    loinc: tuple[str, ...]
    low: float | None = None
    high: float | None = None

    def beyond(self, number: float) -> str | None:
        """Return which limit a number in the unit of the reading has reached, in words, or None."""
        if self.low is not None and number <= self.low:
            return f"at most {self.low:g}"
        return f"at least {self.high:g}" if self.high is not None and number >= self.high else None


def _times(factor: float) -> Convert:
    return lambda value: round(value * factor, 4)


def _per_dl(molar_mass: float) -> dict[str, Convert]:
    """Return mg/dL to mmol/L."""
    return known(_times(10 / molar_mass), codes.MG_PER_DECILITRE.lower())


def _reading(key: str, label: str, unit: str, units: Mapping[str, Convert], step: float) -> Reading:
    alone = all(convert is same for convert in units.values())
    return Reading(label, unit, measure=Measure(units, POSSIBLE[key].limits, step, bare=alone))


MMOL = known(same, codes.MMOL_PER_LITRE.lower())
MONOVALENT = MMOL | known(same, codes.MEQ_PER_LITRE.lower())
UMOL = known(same, codes.UMOL_PER_LITRE.lower(), "µmol/l", "μmol/l")
# Molar masses in g/mol from Prohaska et al., Standard atomic weights of the elements 2021, Pure Appl Chem 2022;94:573;
# urea nitrogen counts its two N. Creatinine, 113.12 g/mol, is charted in µmol/L: 10,000 / 113.12.
UREA_NITROGEN, GLUCOSE, CALCIUM, MAGNESIUM, PHOSPHORUS = 28.014, 180.16, 40.078, 24.305, 30.974
CREATININE_UMOL_PER_MG_DL = 88.4  # Prohaska et al. 2021, as above
# 10 dL in a litre: NIST SP 811 (2008), SI prefixes
GRAMS = known(same, codes.GRAMS_PER_LITRE.lower()) | known(_times(10), codes.GRAMS_PER_DECILITRE.lower())
CRITICAL = "RCPath G158 (2017), adults"
ADULT_FROM_YEARS = (
    18  # our judgement: RCPath G158 (2017) gives these limits for adults, and CKD-EPI 2021 was made of them
)
RATE_FOR_QTC = Range(15, POSSIBLE["hr"].high, "our judgement, /min: slower is an arrest, of which a QTc says nothing")

# Critical limits of adults, low and high: Royal College of Pathologists, The communication of critical and unexpected
# pathology results, G158, October 2017. The steps of the readings are our judgement: as finely as laboratories report.
ANALYTES = {
    "na": Analyte(_reading("na", "Sodium", codes.MMOL_PER_LITRE, MONOVALENT, 1), codes.SODIUM, 120, 160),
    "k": Analyte(_reading("k", "Potassium", codes.MMOL_PER_LITRE, MONOVALENT, 0.1), codes.POTASSIUM, 2.5, 6.5),
    "cl": Analyte(_reading("cl", "Chloride", codes.MMOL_PER_LITRE, MONOVALENT, 1), codes.CHLORIDE),
    "hco3": Analyte(_reading("hco3", "Bicarbonate", codes.MMOL_PER_LITRE, MONOVALENT, 1), codes.BICARBONATE),
    "creatinine": Analyte(
        _reading(
            "creatinine",
            "Creatinine",
            codes.UMOL_PER_LITRE,
            UMOL | known(_times(CREATININE_UMOL_PER_MG_DL), codes.MG_PER_DECILITRE.lower()),
            1,
        ),
        codes.CREATININE,
        high=354,
    ),
    "urea": Analyte(
        _reading("urea", "Urea", codes.MMOL_PER_LITRE, MMOL | _per_dl(UREA_NITROGEN), 0.1), codes.UREA, high=30
    ),
    "glucose": Analyte(
        _reading("glucose", "Glucose", codes.MMOL_PER_LITRE, MMOL | _per_dl(GLUCOSE), 0.1), codes.GLUCOSE, 2.5, 25
    ),
    "calcium": Analyte(
        _reading("calcium", "Calcium", codes.MMOL_PER_LITRE, MMOL | _per_dl(CALCIUM), 0.01), codes.CALCIUM, 1.8, 3.5
    ),
    "albumin": Analyte(_reading("albumin", "Albumin", codes.GRAMS_PER_LITRE, GRAMS, 1), codes.ALBUMIN),
    "magnesium": Analyte(
        _reading("magnesium", "Magnesium", codes.MMOL_PER_LITRE, MMOL | _per_dl(MAGNESIUM), 0.01),
        codes.MAGNESIUM,
        low=0.4,
    ),
    "phosphate": Analyte(
        _reading("phosphate", "Phosphate", codes.MMOL_PER_LITRE, MMOL | _per_dl(PHOSPHORUS), 0.01),
        codes.PHOSPHATE,
        low=0.3,
    ),
    "qt": Analyte(
        _reading("qt", "QT interval", codes.MILLISECONDS, known(same, codes.MILLISECONDS), 1), (codes.QT_INTERVAL,)
    ),
    "hr": Analyte(
        Reading("HR", codes.PER_MINUTE, measure=Measure(UNITS["hr"], RATE_FOR_QTC.limits, 1)), (codes.HEART_RATE,)
    ),
}
READINGS = {key: analyte.reading for key, analyte in ANALYTES.items()} | {
    "encounter": Reading("Encounter", kind=FactKind.STAY)
}
CODES = {code: key for key, analyte in ANALYTES.items() for code in analyte.loinc}
NO_RESULTS = frozenset(("hr", "qt"))
"""What is read beside the results, and opens no case by itself."""
RESULTS = ANALYTES.keys() - {"hr"}
"""What a case may be about; a heart rate is read for QTc alone."""
