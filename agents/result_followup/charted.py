"""A value as a laboratory charted it: its number, its words and its units, whatever the form; pure."""

import math
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeGuard

from agents.charts import Resource, clean, named
from agents.quantities import UnusableError, measured
from agents.result_followup.analytes import Analyte

MOST_CHARS = 60  # of a number or a range as text; our judgement: a longer text is none
NUMERIC = r"[-+]?\d{1,9}(?:\.\d{1,9})?"
TAIL = r"(?:[^\W\d_]|[%°\[{]).*"  # what follows a number as text, as units begin
CHARTED = re.compile(rf"(?P<comparator><=|>=|<|>)? ?(?P<number>{NUMERIC}) ?(?P<unit>{TAIL})?")
THOUSANDS, THREE_PLACES = re.compile(r"[-+]?[1-9]\d{0,2}\.\d{3}"), re.compile(r"\d\.\d{3}\b")
"""A number as text that is another one where the point separates thousands; unless its range is written so as well."""


@dataclass(frozen=True)
class Number:
    """A value that is a number; `units` as code and unit, in lower case."""

    value: float
    comparator: str = ""
    units: tuple[str, ...] = ()
    as_text: bool = False
    """What follows the number may be anything: it is a unit only where the range names the same."""


def number_of(part: Resource) -> Number | None:
    """Return the value as a number, where it is charted as one or as the plain text of one."""
    quantity = part.get("valueQuantity")
    if isinstance(quantity, dict):
        value, comparator, units = quantity.get("value"), str(quantity.get("comparator") or ""), units_of(quantity)
    else:
        value, comparator, units = part.get("valueInteger", part.get("valueDecimal", part.get("valueString"))), "", ()
    if is_number(value):
        return Number(float(value), comparator, units)
    text = clean(value) if isinstance(value, str) else ""
    match = CHARTED.fullmatch(text) if len(text) <= MOST_CHARS else None
    if match is None:
        return None
    if THOUSANDS.fullmatch(match["number"]) and not THREE_PLACES.search(str(part.get("referenceRange"))):
        return None
    return Number(float(match["number"]), comparator or match["comparator"] or "", units or tail_of(match), not units)


def tail_of(match: re.Match[str]) -> tuple[str, ...]:
    """Return the unit in what follows a number as text."""
    return (unit_of(match["unit"]),) if match["unit"] else ()


def usable(part: Resource, analyte: Analyte) -> float | None:
    """Return the number in the analyte's unit, or None where it has to be judged by its own flag and range."""
    number, measure, quantity = number_of(part), analyte.reading.measure, part.get("valueQuantity")
    if number is None or measure is None:
        return None
    if not isinstance(quantity, dict) or not is_number(quantity.get("value")):
        quantity = {"value": number.value, "comparator": number.comparator, "unit": next(iter(number.units), None)}
    try:
        return measured(quantity, measure)[1]
    except UnusableError:
        return None


def is_number(value: Any) -> TypeGuard[int | float]:
    """Return whether a JSON value is a finite number."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def quantity_of(part: Resource) -> Resource:
    """Return the value as a Quantity; empty where it is none."""
    quantity = part.get("valueQuantity")
    return quantity if isinstance(quantity, dict) else {}


def units_of(quantity: Resource) -> tuple[str, ...]:
    """Return the code and the unit of a Quantity, in lower case."""
    return tuple(unit_of(quantity[name]) for name in ("code", "unit") if quantity.get(name))


def unit_of(text: Any) -> str:
    """Return a unit in one spelling of its letters, in lower case."""
    return unicodedata.normalize("NFKC", str(text)).strip().lower()


def plain(text: Any) -> str:
    """Return a text in one spelling of its letters, in lower case."""
    return unicodedata.normalize("NFKC", clean(text)).lower()


def texts_of(part: Resource) -> list[str]:
    """Return the value in words, in lower case; every one that it is given in."""
    if isinstance(concept := part.get("valueCodeableConcept"), dict):
        told = [plain(word) for word in words_of(concept)]
        return [word for word in told if word] or [plain(code) for code in sorted(codes_of(concept))]
    strings = [value for name, value in part.items() if name.startswith("value") and isinstance(value, str)]
    told = [plain(text) for text in strings] or [plain(text_of(part))]
    return [text for text in told if text]


def text_of(part: Resource) -> str:
    """Return the value in words, empty where there is none."""
    if isinstance(concept := part.get("valueCodeableConcept"), dict):
        return named(concept) or next(iter(sorted(codes_of(concept))), "")
    for name, value in part.items():
        if name.startswith("value") and value is not None:
            if isinstance(value, dict):
                return clean(", ".join(f"{key} {told}" for key, told in _flat(value)))
            return clean({True: "yes", False: "no"}[value] if isinstance(value, bool) else value)
    return ""


def shown_as(part: Resource) -> str:
    """Return the value as a person reads it; empty where there is none."""
    quantity = part.get("valueQuantity")
    if isinstance(quantity, dict):
        told = (quantity.get("comparator"), quantity.get("value"), quantity.get("unit") or quantity.get("code"))
        return " ".join(clean(one) for one in told if one not in (None, ""))
    return text_of(part)


def _flat(value: Resource) -> Iterator[tuple[str, str]]:
    for key, told in value.items():
        if isinstance(told, dict):
            parts = (told.get(name) for name in ("comparator", "value", "unit"))
            told = " ".join(str(one) for one in parts if one is not None)
        yield key, str(told)


def has_value(resource: Resource) -> bool:
    """Return whether there is any value."""
    return any(name.startswith("value") and value is not None for name, value in resource.items())


def codes_of(concept: Any) -> set[str]:
    """Return the codes of a CodeableConcept; none where it is no such thing."""
    codings = as_list(concept.get("coding")) if isinstance(concept, dict) else []
    return {str(coding["code"]) for coding in codings if isinstance(coding, dict) and coding.get("code")}


def named_of(code: Resource) -> str:
    """Return what a test is called: its words, else its code."""
    return named(code) or next(iter(sorted(codes_of(code))), "") or "A result"


def words_of(concept: Any) -> list[str]:
    """Return the texts of a CodeableConcept, or its codes where it has none."""
    if not isinstance(concept, dict):
        return []
    codings = [coding for coding in as_list(concept.get("coding")) if isinstance(coding, dict)]
    return [str(word) for word in (concept.get("text"), *(coding.get("display") for coding in codings)) if word] or [
        str(coding["code"]) for coding in codings if coding.get("code")
    ]


def as_list(value: Any) -> list[Any]:
    """Return the elements of a repeating element; one that is no list, as some servers send it, is one element."""
    return value if isinstance(value, list) else [] if value is None else [value]
