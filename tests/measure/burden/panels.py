"""What the synthetic laboratory measures: ranges, critical limits, and how often and how far values leave them.

Ranges and critical limits are those of no hospital: which side of them a value falls on is what counts.
"""

from dataclasses import dataclass, replace

from agents import codes
from tests.measure.burden.assumptions import OURS

ENWERE = "Enwere et al., CJEM, doi 10.1007/s43678-020-00014-6"
SINGER = "Singer et al., Clin Exp Emerg Med 2017;4:73"
TAZMINI = "Tazmini et al., PLoS ONE 2019;14:e0215673"
LIPPI = "Lippi et al., J Med Biochem 2013, anaemia in the emergency department"
ROUTINE = "J Gen Intern Med 1987;2:373, counts at admission"
OZTURK = "reference change value of stable patients (Goruroglu Ozturk et al., J Clin Lab Anal 2013;27:438) by 2.77"
COTLOVE = "middle of the group of Cotlove et al., Clin Chem 1970, 15 serum constituents"


@dataclass(frozen=True)
class LaboratoryTest:
    """A numeric test. Shares are of first results of all stays."""

    loinc: str
    name: str
    unit: str
    low: float | None
    high: float | None
    critical_low: float | None
    critical_high: float | None
    below: float
    above: float
    share_source: str
    variation: float
    """Standard deviation of a repeat, as a share of the value, where the patient is stable."""
    variation_source: str
    places: int = 0

    @property
    def analyte(self) -> str:
        """Name of what is measured, whatever the sample."""
        return self.name.partition(" of ")[0]


def _test(
    loinc: str, name: str, unit: str, limits: tuple[float | None, float | None, float | None, float | None],
    below: float, above: float, variation: float, places: int = 0, shares: str = OURS, varies: str = OURS,
) -> LaboratoryTest:  # fmt: skip
    critical_low, low, high, critical_high = limits
    return LaboratoryTest(
        loinc, name, unit, low, high, critical_low, critical_high, below, above, shares, variation, varies, places
    )


MMOL, UMOL, GRAMS = codes.MMOL_PER_LITRE, codes.UMOL_PER_LITRE, codes.GRAMS_PER_LITRE
SODIUM = _test(codes.SODIUM[0], "Sodium", MMOL, (120, 137, 145, 160), 0.246, 0.02, 0.0117, 0, TAZMINI, OZTURK)
POTASSIUM = _test(codes.POTASSIUM[0], "Potassium", MMOL, (2.5, 3.5, 5.0, 6.5), 0.055, 0.036, 0.0462, 1, SINGER, OZTURK)
GLUCOSE = _test(codes.GLUCOSE[1], "Glucose", MMOL, (2.5, 3.9, 7.8, 25), 0.009, 0.07, 0.06, 1, ENWERE, COTLOVE)
CHEMISTRY = (
    SODIUM,
    POTASSIUM,
    _test(codes.CHLORIDE[0], "Chloride", MMOL, (None, 98, 107, None), 0.1, 0.05, 0.015),
    _test(codes.BICARBONATE[0], "Bicarbonate", MMOL, (None, 22, 29, None), 0.15, 0.05, 0.035, 0, OURS, COTLOVE),
    _test(codes.UREA[0], "Urea", MMOL, (None, 2.5, 7.8, 30), 0.02, 0.25, 0.0596, 1, OURS, OZTURK),
    _test(codes.CREATININE[1], "Creatinine", UMOL, (None, 45, 104, 354), 0.03, 0.2, 0.0523, 0, OURS, OZTURK),
    GLUCOSE,
)
COUNT = (
    _test("718-7", "Haemoglobin", GRAMS, (70, 120, 175, None), 0.23, 0.03, 0.03, 0, LIPPI),
    _test("6690-2", "Leukocytes", "10*9/L", (0.5, 4.0, 11.0, 100), 0.036, 0.1, 0.11, 1, ROUTINE),
    _test("777-3", "Platelets", "10*9/L", (30, 150, 400, 1000), 0.084, 0.04, 0.09, 0, ROUTINE),
)
REST = (
    _test("1742-6", "ALT", "U/L", (None, None, 45, 1000), 0, 0.2, 0.1),
    _test("1920-8", "AST", "U/L", (None, None, 40, 1000), 0, 0.2, 0.105, 0, OURS, COTLOVE),
    _test("2324-2", "GGT", "U/L", (None, None, 60, None), 0, 0.25, 0.07),
    _test("6768-6", "Alkaline phosphatase", "U/L", (None, 30, 120, None), 0.02, 0.15, 0.06),
    _test("14804-9", "LDH", "U/L", (None, None, 250, None), 0, 0.3, 0.105, 0, OURS, COTLOVE),
    _test("1988-5", "C-reactive protein", "mg/L", (None, None, 5, 300), 0, 0.5, 0.2),
)
GAS = (
    _test("2744-1", "pH of arterial blood", "[pH]", (7.2, 7.35, 7.45, 7.6), 0.15, 0.15, 0.002, 2),
    _test(codes.ARTERIAL_CARBON_DIOXIDE, "pCO2 of arterial blood", "kPa", (None, 4.7, 6.0, 9), 0.2, 0.2, 0.05, 1),
    _test("2518-9", "Lactate of arterial blood", MMOL, (None, 0.5, 2.0, 4), 0, 0.35, 0.15, 1),
    replace(POTASSIUM, loinc=codes.POTASSIUM[1], name="Potassium of blood"),
    replace(GLUCOSE, loinc=codes.GLUCOSE[2], name="Glucose of blood"),
)
TROPONIN = (_test(codes.TROPONIN_T, "Troponin T", codes.NG_PER_LITRE, (None, None, 14, 52), 0, 0.25, 0.1),)
PANELS = (CHEMISTRY, COUNT, REST, GAS, TROPONIN)
