"""Which Observation is a result of a laboratory, and what of it is known to be in order; pure (I19).

A value is unremarkable only where that is known: a number inside its own ranges in the same unit, a word that says so,
or the laboratory's own flag, and no flag that says otherwise. Everything else demands a look.
"""

import math
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import IntEnum, auto
from typing import Any, TypeGuard

from agents.charts import IGNORED_STATUS, Resource, clean, named
from agents.quantities import UnusableError, measured
from agents.result_followup.analytes import ANALYTES, CODES, NO_RESULTS, Analyte

OTHER_CATEGORIES = frozenset(
    ("vital-signs", "social-history", "imaging", "procedure", "survey", "exam", "therapy", "activity")
)
"""HL7 observation-category, FHIR R4: what is no laboratory's; without any category the flags and ranges decide."""
SECTIONS = frozenset(
    [
        "laboratory",
        "lab",
        "ch",
        "hm",
        "mb",
        "mcb",
        "myc",
        "vr",
        "sr",
        "imm",
        "bg",
        "blb",
        "tx",
        "sp",
        "cp",
        "ct",
        "gt",
        "cy",
        "chem",
    ]  # sections of a laboratory
)
"""Categories of a laboratory, in lower case: HL7 observation-category, and HL7 v2.5 table 0074 with its sections."""
CRITICAL_FLAGS = frozenset(("HH", "LL", "AA"))  # HL7 v3 ObservationInterpretation, and HL7 v2.5 table 0078
UNREMARKABLE_FLAGS = frozenset(("N", "NEG", "ND", "NR"))
"""HL7 v3 ObservationInterpretation: normal, negative, not detected, non-reactive; every other code demands a look."""
CRITICAL_WORDS = re.compile(
    r"\b(?:crit|critical\w*|panic|life.?threatening|alarm|kritisch\w*|cr[ií]tic\w*)\b", re.IGNORECASE
)
DENIED = re.compile(r"\b(?:not?|non|nicht|sans|pas)\b[\s-]*\w*", re.IGNORECASE)
UNREMARKABLE_WORDS = frozenset(
    (
        "normal", "within normal limits", "wnl", "unremarkable", "in range", "negative", "neg", "not detected",
        "undetected", "none detected", "non-reactive", "nonreactive", "not reactive", "absent", "none", "none seen",
        "no growth",
    )
)  # fmt: skip
"""Whole values and flags, in lower case, that say that nothing was found; our judgement, and the pathway's options add
a hospital's own."""
NUMERIC = r"[-+]?\d{1,9}(?:\.\d{1,9})?"
UNIT = r"(?:[^\W\d_]|[%°\[]).{0,30}"  # begins with a letter or one of the signs that units begin with
CHARTED = re.compile(rf"\s*(?P<comparator><=|>=|<|>)?\s*(?P<number>{NUMERIC})\s*(?P<unit>{UNIT})?\s*")
SPAN = re.compile(rf"\s*\(?\s*(?P<low>{NUMERIC})\s*(?:-|\u2013|to)\s*(?P<high>{NUMERIC})\s*\)?\s*(?P<unit>{UNIT})?\s*")
BOUND = re.compile(rf"\s*(?P<side><=|>=|<|>|\u2264|\u2265)\s*(?P<limit>{NUMERIC})\s*(?P<unit>{UNIT})?\s*")


class Standing(IntEnum):
    """How a value stands, the more it demands the higher."""

    UNREMARKABLE = auto()
    UNCLEAR = auto()
    """Nobody says how it is to be taken, or what says so can't be compared with it."""
    FLAGGED = auto()
    """Beyond a range, or flagged."""
    CRITICAL = auto()
    """The laboratory itself calls it critical."""


@dataclass(frozen=True)
class Result:
    """One value as it was charted: an Observation's own, or a component's."""

    code: str
    """By which later values of the same test are known: the analyte, else the first code, else the name."""
    name: str
    value: str
    """In the words of the chart, with its unit."""
    standing: Standing
    why: str
    """How the laboratory takes it, for a person; empty where it is unremarkable."""
    analyte: str | None = None
    """Key of `ANALYTES`, where we know the test."""


@dataclass(frozen=True)
class Words:
    """What counts as said, for one hospital."""

    unremarkable: frozenset[str] = UNREMARKABLE_WORDS


WORDS = Words()


@dataclass(frozen=True)
class _Number:
    value: float
    comparator: str = ""
    units: tuple[str, ...] = ()


@dataclass
class _Said:
    """What the laboratory says of one value."""

    critical: list[str] = field(default_factory=list)
    other: list[str] = field(default_factory=list)
    unremarkable: bool = False


def is_result(resource: Resource) -> bool:
    """Return whether an Observation is a laboratory's: by its category, one of our codes, or what only they report.

    Raises what odd elements raise (TypeError, AttributeError and the like).
    """
    if resource.get("resourceType") != "Observation":
        return False
    told = {word for one in _list(resource.get("category")) for word in _said(one)}
    if told & SECTIONS:
        return True
    mapped = _analyte(resource.get("code") or {})
    if mapped or any(_analyte(part.get("code") or {}) for part in _list(resource.get("component"))):
        return True
    if told & OTHER_CATEGORIES or _known_elsewhere(resource.get("code") or {}):
        return False
    return bool(resource.get("interpretation") or resource.get("referenceRange") or resource.get("specimen"))


def results(resource: Resource, words: Words = WORDS) -> tuple[Result, ...]:
    """Return each value of a result; none where it was withdrawn, is not there yet, or only groups others.

    Raises what odd elements raise (TypeError, AttributeError and the like).
    """
    if resource.get("status") in (*IGNORED_STATUS, "registered"):
        return ()
    parts = [part for part in _list(resource.get("component")) if not _known_elsewhere(part.get("code") or {})]
    own = _has_value(resource) or bool(resource.get("interpretation")) or not (parts or resource.get("hasMember"))
    found = [_result(resource, resource, words)] if own else []
    return (*found, *(_result(part, resource, words) for part in parts))


def demands_look(resource: Resource, words: Words = WORDS) -> bool:
    """Return whether a result may not pass unseen. What can't be read demands a look as well; never raises."""
    try:
        return any(one.standing > Standing.UNREMARKABLE for one in results(resource, words)) or _beyond_limits(resource)
    except (ValueError, TypeError, AttributeError, LookupError, OverflowError):
        return True


def _result(part: Resource, resource: Resource, words: Words) -> Result:
    code = part.get("code") or {}
    name = named(code) or "A result"
    if part is not resource and (whole := named(resource.get("code") or {})):
        name = f"{whole}: {name}"
    analyte = _analyte(code)
    standing, why = _standing(part, words, ANALYTES.get(analyte or ""))
    if resource.get("modifierExtension") and standing < Standing.FLAGGED:
        standing, why = Standing.UNCLEAR, "carries a modifier that Wardflow does not know"
    told = next((str(c["code"]) for c in _list(code.get("coding")) if c.get("code")), name)
    return Result(analyte or told, name, _charted(part), standing, why, analyte)


def _standing(part: Resource, words: Words, analyte: Analyte | None) -> tuple[Standing, str]:
    said = _flags(part, words)
    if said.critical:
        return Standing.CRITICAL, said.critical[0]
    if said.other:
        return Standing.FLAGGED, said.other[0]
    number = _number(part)
    if number is None:
        text = _text(part)
        if text.lower().rstrip(".") in words.unremarkable or (text and said.unremarkable):
            return Standing.UNREMARKABLE, ""
        return Standing.UNCLEAR, "in words, without a flag" if text else "no value"
    ranges = [found for one in _list(part.get("referenceRange")) if (found := _range(one, number)) is not None]
    if any(outside for outside in ranges):
        return Standing.FLAGGED, "out of its range"
    if ranges or (said.unremarkable and (analyte is None or _usable(part, analyte) is not None)):
        return Standing.UNREMARKABLE, ""
    told = "a range that can't be compared with it" if part.get("referenceRange") else "no range"
    return Standing.UNCLEAR, f"no flag and {told}"


def _flags(part: Resource, words: Words) -> _Said:
    found = _Said()
    for concept in _list(part.get("interpretation")):
        codings = _list(concept.get("coding"))
        codes = [str(coding["code"]).strip() for coding in codings if coding.get("code")]
        texts = [clean(text) for text in (concept.get("text"), *(coding.get("display") for coding in codings)) if text]
        shown = codes[0] if codes else next(iter(texts), "")
        if any(code.upper() in CRITICAL_FLAGS for code in codes):
            shown = next(code for code in codes if code.upper() in CRITICAL_FLAGS)
            found.critical.append(f"flagged {shown}")
        elif any(CRITICAL_WORDS.search(DENIED.sub("", text)) for text in (*codes, *texts)):
            found.critical.append(f"flagged {next(iter(texts), shown)}")
        elif all(_unremarkable(told, words) for told in (*codes, *texts)):
            found.unremarkable = found.unremarkable or bool(shown)  # an empty concept says nothing
        else:
            found.other.append(f"flagged {shown}")
    return found


def _unremarkable(told: str, words: Words) -> bool:
    return told.upper() in UNREMARKABLE_FLAGS or told.lower().rstrip(".") in words.unremarkable


def _range(limits: Resource, number: _Number) -> bool | None:
    """Return whether the number may lie outside of this range, or None where the two can't be compared.

    Of several ranges, for other ages or uses, every one counts: who they are meant for is a person's to see.
    """
    low, high = _limit(limits.get("low"), number), _limit(limits.get("high"), number)
    if low is None and high is None:
        low, high = _written(str(limits.get("text") or ""), number)
    if low is None and high is None:
        return None
    value, side = number.value, number.comparator[:1]
    above = high is not None and (value > high or (side == ">" and value >= high))
    below = low is not None and (value < low or (side == "<" and value <= low))
    if above or below:
        return True
    # A bound may be anything on its side: it lies inside only where the range is open there.
    if (side == ">" and high is not None) or (side == "<" and low is not None and low > 0):
        return None
    return False


def _limit(quantity: Any, number: _Number) -> float | None:
    value = quantity.get("value") if isinstance(quantity, dict) else None
    return float(value) if _is_number(value) and _same_unit(_units(quantity), number.units) else None


def _written(text: str, number: _Number) -> tuple[float | None, float | None]:
    if (span := SPAN.fullmatch(text)) and _same_unit(_unit_of(span), number.units):
        return float(span["low"]), float(span["high"])
    if (bound := BOUND.fullmatch(text)) and _same_unit(_unit_of(bound), number.units):
        limit = float(bound["limit"])
        return (limit, None) if bound["side"] in (">", ">=", "\u2265") else (None, limit)
    return None, None


def _unit_of(match: re.Match[str]) -> tuple[str, ...]:
    return (match["unit"].strip().lower(),) if match["unit"] and match["unit"].strip() else ()


def _same_unit(one: Sequence[str], other: Sequence[str]) -> bool:
    return not one or not other or bool({*one} & {*other})


def _number(part: Resource) -> _Number | None:
    """Return the value as a number, where it is charted as one or as the plain text of one."""
    quantity = part.get("valueQuantity")
    if isinstance(quantity, dict):
        value, comparator, units = quantity.get("value"), str(quantity.get("comparator") or ""), _units(quantity)
    else:
        value, comparator, units = part.get("valueInteger", part.get("valueDecimal", part.get("valueString"))), "", ()
    if _is_number(value):
        return _Number(float(value), comparator, units)
    if isinstance(value, str) and (match := CHARTED.fullmatch(value)):
        return _Number(float(match["number"]), comparator or match["comparator"] or "", units or _unit_of(match))
    return None


def _is_number(value: Any) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _units(quantity: Resource) -> tuple[str, ...]:
    return tuple(str(quantity[name]).strip().lower() for name in ("code", "unit") if quantity.get(name))


def _text(part: Resource) -> str:
    """Return the value in words, empty where there is none."""
    if isinstance(concept := part.get("valueCodeableConcept"), dict):
        codes = (clean(coding.get("code")) for coding in _list(concept.get("coding")))
        return named(concept) or next((code for code in codes if code), "")
    for name, value in part.items():
        if name.startswith("value") and value is not None:
            if isinstance(value, dict):
                return clean(", ".join(f"{key} {told}" for key, told in _flat(value)))
            return clean({True: "yes", False: "no"}[value] if isinstance(value, bool) else value)
    return ""


def _charted(part: Resource) -> str:
    """Return the value as a person reads it; empty where there is none."""
    quantity = part.get("valueQuantity")
    if isinstance(quantity, dict):
        told = (quantity.get("comparator"), quantity.get("value"), quantity.get("unit") or quantity.get("code"))
        return " ".join(clean(one) for one in told if one not in (None, ""))
    return _text(part)


def _flat(value: Resource) -> Iterator[tuple[str, str]]:
    for key, told in value.items():
        if isinstance(told, dict):
            told = " ".join(str(told[name]) for name in ("value", "unit") if told.get(name) is not None)
        yield key, str(told)


def _has_value(resource: Resource) -> bool:
    return any(name.startswith("value") and value is not None for name, value in resource.items())


def _beyond_limits(resource: Resource) -> bool:
    """Return whether one of our own limits of adults is crossed, whatever the laboratory's range says."""
    for part in (resource, *_list(resource.get("component"))):
        analyte = ANALYTES.get(_analyte(part.get("code") or {}) or "")
        number = _usable(part, analyte) if analyte else None
        if analyte and number is not None and analyte.beyond(number):
            return True
    return False


def _usable(part: Resource, analyte: Analyte) -> float | None:
    """Return the number in the analyte's unit, or None where it has to be judged by its own flag and range."""
    quantity, measure = part.get("valueQuantity"), analyte.reading.measure
    if not isinstance(quantity, dict) or measure is None:
        return None
    try:
        return measured(quantity, measure)[1]
    except UnusableError:
        return None


def _analyte(code: Resource) -> str | None:
    """Return the key of the analyte that a code stands for, of those that are a laboratory's."""
    names = (coding.get("code") for coding in _list(code.get("coding")))
    return next((CODES[name] for name in names if name in CODES and CODES[name] not in NO_RESULTS), None)


def _known_elsewhere(code: Resource) -> bool:
    names = (coding.get("code") for coding in _list(code.get("coding")))
    return any(CODES.get(name) in NO_RESULTS for name in names)


def _said(concept: Resource) -> Iterable[str]:
    codings = _list(concept.get("coding"))
    told = (concept.get("text"), *(coding.get(name) for coding in codings for name in ("code", "display")))
    return (str(word).strip().lower() for word in told if word)


def _list(value: Any) -> list[Any]:
    """Return the elements of a repeating element; one that is no list, as some servers send it, is one element."""
    return value if isinstance(value, list) else [] if value is None else [value]
