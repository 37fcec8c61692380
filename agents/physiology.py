"""What numbers of a patient can be, and what they plausibly are, in which units; each number with its source."""

from collections.abc import Mapping
from dataclasses import dataclass

from agents import codes
from agents.quantities import Convert, Measure, known, same


@dataclass(frozen=True)
class Range:
    """A closed interval."""

    low: float
    high: float
    why: str
    """The source of the two numbers (who, title or journal, year, section), or "our judgement" and the reason."""

    @property
    def limits(self) -> tuple[float, float]:
        return self.low, self.high

    def holds(self, value: float) -> bool:
        """Return whether the value lies in the range, its ends included."""
        return self.low <= value <= self.high


XIE = (
    "valid ranges of Xie et al., Benchmarking emergency department prediction models, Sci Data 2022;9:658 "
    "(data_general_processing.py, after MIMIC-Extract)"
)
PAIN_SCALE = "ends of the numeric rating scale: Hawker et al., Measures of adult pain, Arthritis Care Res 2011;63:S240"

POSSIBLE = {
    "hr": Range(0, 350, XIE),
    "rr": Range(0, 300, XIE),
    "sbp": Range(0, 375, XIE),
    "dbp": Range(0, 375, XIE),
    "temp_c": Range(26, 45, XIE),
    "spo2": Range(2, 100, f"{XIE}, but from 2 by our judgement: up to 1 it is a fraction"),
    "oxygen_l_min": Range(0, 60, "flow of a high-flow nasal cannula: Crit Care 2017, doi 10.1186/s13054-017-1640-2"),
    "fio2": Range(21, 100, "from the oxygen of air to pure oxygen: ICAO standard atmosphere, 1993, 20.9 %"),
    "gcs": Range(3, 15, "the scale's own ends: Teasdale and Jennett, Lancet 1974;304:81"),
    "pain_nrs": Range(0, 10, PAIN_SCALE),
    "age": Range(
        0, 130, "our judgement, years: the oldest person reached 122 (Robine & Allard, Science 1998;279:1834)"
    ),
    "na": Range(80, 200, "our judgement, mmol/L: widely around what is measured"),
    "k": Range(1, 12, "our judgement, mmol/L: widely around what is measured, haemolysed samples included"),
    "cl": Range(50, 160, "our judgement, mmol/L: widely around what is measured"),
    "hco3": Range(1, 60, "our judgement, mmol/L: widely around what is measured"),
    "creatinine": Range(
        5, 3000, "our judgement, µmol/L: widely around what is measured; a usual value in mg/dL is below"
    ),
    "urea": Range(0.1, 120, "our judgement, mmol/L: widely around what is measured"),
    "glucose": Range(0.1, 140, "our judgement, mmol/L: widely around what is measured, hyperosmolar crises included"),
    "calcium": Range(0.5, 6, "our judgement, mmol/L: widely around what is measured; a usual value in mg/dL is above"),
    "albumin": Range(5, 70, "our judgement, g/L: widely around what is measured; a usual value in g/dL is below"),
    "magnesium": Range(0.1, 10, "our judgement, mmol/L: widely around what is measured"),
    "phosphate": Range(0.05, 10, "our judgement, mmol/L: widely around what is measured"),
    "qt": Range(150, 900, "our judgement, ms: widely around what is measured; a value in seconds is below"),
}
"""What a charted value can be at all: outside, the value or its unit is wrong, and it would be scored as an extreme."""

# "Our judgement" is here: a living patient in an emergency department may have it, and common devices show it. A real
# value outside costs the typing of it; a misheard one inside is marked by the other rules or heard by the person.
PLAUSIBLE = {
    "sbp": Range(50, 270, "our judgement, mmHg: below 50 cuffs seldom read, and monitors end near 270"),
    "dbp": Range(20, 150, "our judgement, mmHg: widely around what an emergency department measures"),
    "hr": Range(20, 240, "our judgement, /min: faster is only a small child's tachycardia or an artefact"),
    "rr": Range(4, 70, "our judgement, /min: slower is an arrest, faster only a newborn's distress"),
    "spo2": Range(50, 100, "our judgement, %: oximeters are made to be right from 70 (ISO 80601-2-61)"),
    "temp_c": Range(30, 43, "our judgement, °C: colder is deep hypothermia, and 43 ends most thermometers' scale"),
    "pain_nrs": Range(0, 10, PAIN_SCALE),
    "gcs": Range(3, 15, "the scale's own ends: Teasdale and Jennett, Lancet 1974;304:81"),
    "age": Range(0, 120, "our judgement, years: hardly anybody was older"),
    "glucose": Range(1, 60, "our judgement, mmol/L: where meters show HI or LO"),
    "k": Range(1, 10, "our judgement, mmol/L: outside nobody lives"),
    "na": Range(90, 190, "our judgement, mmol/L: outside nobody lives"),
    "lactate": Range(0, 30, "our judgement, mmol/L: where analysers end"),
    "creatinine": Range(10, 2000, "our judgement, µmol/L: widely around what is measured"),
    "haemoglobin": Range(20, 250, "our judgement, g/L: outside nobody lives"),
    "troponin": Range(0, 100_000, "our judgement, ng/L: where assays end"),
    "crp": Range(0, 600, "our judgement, mg/L: widely around what is measured"),
    "score": Range(0, 100, "our judgement: no common score goes further"),
    "weight": Range(1, 400, "our judgement, kg: from a small newborn to what beds carry"),
    "ph": Range(6, 8, "our judgement: outside nobody lives"),
}
"""What a dictated number can plausibly be. Outside it a person types the value: it is too easily confirmed by a key."""

# How finely a value is charted, where not in whole numbers; our judgement: thermometers show tenths
STEPS = {"temp_c": 0.1}


def celsius(fahrenheit: float) -> float:
    """Return a temperature in °C, to a tenth."""
    return round((fahrenheit - 32) * 5 / 9, 1)


def mmhg(kilopascal: float) -> float:
    """Return a pressure in mmHg, to a whole number."""
    return round(kilopascal * 7.50062)  # 1 mmHg = 133.322 Pa: NIST SP 811 (2008), appendix B.8


def percent(fraction: float) -> float:
    """Return a fraction in percent, to a tenth."""
    return round(fraction * 100, 1)


def _per_minute(*what: str) -> dict[str, Convert]:
    named = (f"{name}{per}" for name in ("", *what) for per in (codes.PER_MINUTE, "/minute", " per minute"))
    return known(same, "1/min", "min-1", "per minute", *named)


_PRESSURE = known(same, codes.MMHG.lower(), "mmhg", "mm hg") | known(mmhg, codes.KILOPASCAL.lower())
_CELSIUS = ("c", "°c", "degc", "deg c", "degrees c", "celsius", "degree celsius", "degrees celsius")
_FAHRENHEIT = ("f", "°f", "degf", "deg f", "degrees f", "fahrenheit", "degree fahrenheit", "degrees fahrenheit")
UNITS: Mapping[str, Mapping[str, Convert]] = {
    "hr": _per_minute("beat", "beats", "{beat}", "{beats}", "{heart beat}") | known(same, "bpm"),
    "rr": _per_minute("breath", "breaths", "{breath}", "{breaths}", "{resp}", "resp"),
    "sbp": _PRESSURE,
    "dbp": _PRESSURE,
    "temp_c": known(same, codes.CELSIUS.lower(), *_CELSIUS) | known(celsius, codes.FAHRENHEIT.lower(), *_FAHRENHEIT),
    "spo2": known(same, codes.PERCENT, "percent", "% o2", "%o2") | known(percent, "1"),
    "oxygen_l_min": known(
        same, codes.LITRES_PER_MINUTE.lower(), "l/minute", "lpm", "liters per minute", "litres per minute"
    ),
    "fio2": known(same, codes.PERCENT, "percent") | known(percent, "1"),
    "gcs": known(same, codes.SCORE, "score", "1", "/15", "points", "{points}"),
    "pain_nrs": known(same, codes.SCORE, "score", "1", "/10", "{0-10}", "of 10"),
}
"""The units in which a vital sign is charted, in lower case, and how each becomes ours."""
MEASURES = {key: Measure(units, POSSIBLE[key].limits, STEPS.get(key, 1.0)) for key, units in UNITS.items()}
"""How each vital sign may be charted."""
