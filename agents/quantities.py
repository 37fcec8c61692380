"""From a FHIR Quantity to a number in the unit that is scored in, or to the reason why there is none."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Quantity = dict[str, Any]
Convert = Callable[[float], float]


class UnusableError(ValueError):
    """A value that must not be scored; the text says what was charted and why, for the person who decides."""


@dataclass(frozen=True)
class Measure:
    """How a number may be charted."""

    units: Mapping[str, Convert]
    """UCUM codes, or units as people write them, in lower case; what is not listed is not guessed."""
    limits: tuple[float, float]
    """What it can be at all; outside, the value or its unit is wrong, and it would be scored as an extreme."""
    step: float = 1.0
    """How finely it is charted."""
    bare: bool = True
    """Whether a number without any unit is taken as ours: where others are common it would be a guess."""


def same(value: float) -> float:
    """Return the value: it is in our unit."""
    return value


def known(convert: Convert, *units: str) -> dict[str, Convert]:
    """Return that each of these units is converted so."""
    return dict.fromkeys(units, convert)


def measured(quantity: Quantity, measure: Measure) -> tuple[str, float]:
    """Return the value as text and number, in the unit of the fact. Raises UnusableError.

    A code and a unit that mean different things, or a unit that is not known, is no value: converted or scored as
    if it were ours it would be a wrong number that looks right. A number without any unit is taken as ours where it
    can be, if the measure says so.
    """
    value, comparator = quantity.get("value"), quantity.get("comparator") or ""
    if value is None:
        raise UnusableError("without a value")
    units = [str(quantity[name]).strip() for name in ("code", "unit") if quantity.get(name)]
    charted = f"{comparator}{value:.15g}" if isinstance(value, int | float) else str(value)[:40]
    charted = " ".join([charted, *(unit[:40] for unit in dict.fromkeys(units))])
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise UnusableError(f"{charted!r}, which is no number")
    if not units and not measure.bare:
        raise UnusableError(f"{charted}, without a unit")
    told = [measure.units.get(unit.lower()) for unit in units]
    convert = told[0] if told else same
    if convert is None:
        raise UnusableError(f"{charted}, in a unit that is not known")
    if any(other not in (None, convert) for other in told):
        raise UnusableError(f"{charted}, whose code and unit differ")
    number, (low, high) = convert(float(value)), measure.limits
    if not low <= number <= high:
        raise UnusableError(f"{charted}, which can't be: expected {low:g} to {high:g}")
    # A bound scores as the nearest value that it allows: the rules then demand at least what they must.
    step = {"<": -1, ">": 1}.get(comparator, 0) * measure.step
    return f"{comparator}{number:g}", round(number + step, 4)
