"""From a FHIR Quantity to a number in the unit that the rules score in, or to the reason why there is none."""

import math
from collections.abc import Callable
from typing import Any

Quantity = dict[str, Any]
Convert = Callable[[float], float]


class UnusableError(ValueError):
    """A value that must not be scored; the text says what was charted and why, for the person who decides."""


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


def _same(value: float) -> float:
    return value


def _celsius(fahrenheit: float) -> float:
    return round((fahrenheit - 32) * 5 / 9, 1)


def _mmhg(kilopascal: float) -> float:
    return round(kilopascal * 7.50062)  # 1 mmHg = 133.322 Pa: NIST SP 811 (2008), appendix B.8


def _percent(fraction: float) -> float:
    return round(fraction * 100, 1)


def _known(convert: Convert, *units: str) -> dict[str, Convert]:
    return dict.fromkeys(units, convert)


def _per_minute(*what: str) -> dict[str, Convert]:
    named = (f"{name}{per}" for name in ("", *what) for per in ("/min", "/minute", " per minute"))
    return _known(_same, "1/min", "min-1", "per minute", *named)


PRESSURE = _known(_same, "mm[hg]", "mmhg", "mm hg") | _known(_mmhg, "kpa")
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
    "hr": _per_minute("beat", "beats", "{beat}", "{beats}", "{heart beat}") | _known(_same, "bpm"),
    "rr": _per_minute("breath", "breaths", "{breath}", "{breaths}", "{resp}", "resp"),
    "sbp": PRESSURE,
    "dbp": PRESSURE,
    "temp_c": _known(_same, *CELSIUS) | _known(_celsius, *FAHRENHEIT),
    "spo2": _known(_same, "%", "percent", "% o2", "%o2") | _known(_percent, "1"),
    "oxygen_l_min": _known(_same, "l/min", "l/minute", "lpm", "liters per minute", "litres per minute"),
    "pain_nrs": _known(_same, "{score}", "score", "1", "/10", "{0-10}", "of 10"),
}
"""Units as UCUM codes or as people write them, in lower case; what is not listed is not guessed."""


def measured(quantity: Quantity, key: str) -> tuple[str, float]:
    """Return the value as text and number, in the unit of the fact. Raises UnusableError.

    A code and a unit that mean different things, or a unit that is not known, is no value: converted or scored as
    if it were ours it would be a wrong number that looks right. A number without any unit is taken as ours where it
    can be.
    """
    value, comparator = quantity.get("value"), quantity.get("comparator") or ""
    if value is None:
        raise UnusableError("without a value")
    units = [str(quantity[name]).strip() for name in ("code", "unit") if quantity.get(name)]
    charted = f"{comparator}{value:.15g}" if isinstance(value, int | float) else str(value)[:40]
    charted = " ".join([charted, *(unit[:40] for unit in dict.fromkeys(units))])
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise UnusableError(f"{charted!r}, which is no number")
    known = [UNITS[key].get(unit.lower()) for unit in units]
    convert = known[0] if known else _same
    if convert is None:
        raise UnusableError(f"{charted}, in a unit that is not known")
    if any(other not in (None, convert) for other in known):
        raise UnusableError(f"{charted}, whose code and unit differ")
    number, (low, high) = convert(float(value)), LIMITS[key]
    if not low <= number <= high:
        raise UnusableError(f"{charted}, which can't be: expected {low:g} to {high:g}")
    # A bound scores as the nearest value that it allows: the rules then demand at least what they must.
    step = {"<": -1, ">": 1}.get(comparator, 0) * STEPS.get(key, 1.0)
    return f"{comparator}{number:g}", round(number + step, 1)
