"""The numbers that emergency triage scores: what they can be, and the units in which they come."""

from agents.quantities import Convert, Measure, known, same

# What a charted value can be at all; outside, the value or its unit is wrong, and it would be scored as an extreme.
# Valid ranges of Xie et al., Benchmarking emergency department prediction models, Sci Data 2022;9:658 (helpers.py),
# but SpO2 from 2, since up to 1 it is a fraction; oxygen up to the flow of a high-flow cannula.
LIMITS = {
    "hr": (0.0, 350.0),
    "rr": (0.0, 300.0),
    "sbp": (0.0, 375.0),
    "dbp": (0.0, 375.0),
    "temp_c": (26.0, 45.0),
    "spo2": (2.0, 100.0),
    "oxygen_l_min": (0.0, 60.0),
    "pain_nrs": (0.0, 10.0),
}
STEPS = {"temp_c": 0.1}  # how finely a value is charted, where not in whole numbers


def _celsius(fahrenheit: float) -> float:
    return round((fahrenheit - 32) * 5 / 9, 1)


def _mmhg(kilopascal: float) -> float:
    return round(kilopascal * 7.50062)  # 1 mmHg = 133.322 Pa: NIST SP 811 (2008), appendix B.8


def _percent(fraction: float) -> float:
    return round(fraction * 100, 1)


def _per_minute(*what: str) -> dict[str, Convert]:
    named = (f"{name}{per}" for name in ("", *what) for per in ("/min", "/minute", " per minute"))
    return known(same, "1/min", "min-1", "per minute", *named)


PRESSURE = known(same, "mm[hg]", "mmhg", "mm hg") | known(_mmhg, "kpa")
CELSIUS = ("cel", "c", "°c", "degc", "deg c", "degrees c", "celsius", "degree celsius", "degrees celsius")
FAHRENHEIT = (
    "[degf]",
    "f",
    "°f",
    "degf",
    "deg f",
    "degrees f",
    "fahrenheit",
    "degree fahrenheit",
    "degrees fahrenheit",
)
UNITS: dict[str, dict[str, Convert]] = {
    "hr": _per_minute("beat", "beats", "{beat}", "{beats}", "{heart beat}") | known(same, "bpm"),
    "rr": _per_minute("breath", "breaths", "{breath}", "{breaths}", "{resp}", "resp"),
    "sbp": PRESSURE,
    "dbp": PRESSURE,
    "temp_c": known(same, *CELSIUS) | known(_celsius, *FAHRENHEIT),
    "spo2": known(same, "%", "percent", "% o2", "%o2") | known(_percent, "1"),
    "oxygen_l_min": known(same, "l/min", "l/minute", "lpm", "liters per minute", "litres per minute"),
    "pain_nrs": known(same, "{score}", "score", "1", "/10", "{0-10}", "of 10"),
}
MEASURES = {key: Measure(UNITS[key], LIMITS[key], STEPS.get(key, 1.0)) for key in LIMITS}
