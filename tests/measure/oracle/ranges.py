"""Reference ranges, in numbers or written as text, and how a number lies in them."""

import math
import re
from dataclasses import dataclass

from tests.measure.oracle.resources import Number, Resource, quantity, units

_TWO_BOUNDS = re.compile(r"(\d+(?:[.,]\d+)?)\s*(?:-|\u2013|to)\s*(\d+(?:[.,]\d+)?)\s*(\S*)")
_ONE_BOUND = re.compile(r"(<=|>=|<|>)\s*(\d+(?:[.,]\d+)?)\s*(\S*)")


@dataclass(frozen=True)
class Range:
    low: float
    high: float


def read(element: Resource, found: Number | None) -> tuple[list[Range], bool]:
    """Return the ranges that can be compared with a number, and whether there is one that can't be."""
    known, unread = [], False
    for given in element.get("referenceRange") or ():
        one = _bounds(given, found.units if found else frozenset())
        unread = unread or one is None
        known += [one] if one else []
    return known, unread


def _bounds(given: Resource, of: frozenset[str]) -> Range | None:
    limits = {side: given[side] for side in ("low", "high") if given.get(side)}
    numbers = {side: quantity(limit) for side, limit in limits.items()}
    for limit in limits.values():
        if (its := units(limit)) and of and not its & of:
            return None
    if limits and all(numbers.values()):
        low, high = numbers.get("low"), numbers.get("high")
        return Range(low.value if low else -math.inf, high.value if high else math.inf)
    return None if limits else _written(str(given.get("text") or ""), of)


def _written(text: str, of: frozenset[str]) -> Range | None:
    """Return a range written as two numbers or one bound, in the unit of the value or without one."""
    if two := _TWO_BOUNDS.fullmatch(text.strip()):
        low, high, unit = _float(two[1]), _float(two[2]), two[3]
    elif one := _ONE_BOUND.fullmatch(text.strip()):
        low, high = (-math.inf, _float(one[2])) if one[1].startswith("<") else (_float(one[2]), math.inf)
        unit = one[3]
    else:
        return None
    return Range(low, high) if not unit or not of or unit.lower() in of else None


def _float(text: str) -> float:
    return float(text.replace(",", "."))


def outside(found: Number, of: list[Range]) -> int:
    """Return 1 or -1 where a number is above or below every range, else 0."""
    above, below = not found.comparator.startswith("<"), not found.comparator.startswith(">")
    if of and above and all(found.value > one.high for one in of):
        return 1
    return -1 if of and below and all(found.value < one.low for one in of) else 0


def inside(found: Number, of: list[Range]) -> bool:
    """Return whether a number is in every range; a bound, only where nothing it allows is outside."""
    low = -math.inf if found.comparator.startswith("<") else found.value
    high = math.inf if found.comparator.startswith(">") else found.value
    return all((low >= one.low or (one.low <= 0 and low < 0)) and high <= one.high for one in of)
