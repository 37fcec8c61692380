"""Which Observation is a result of a laboratory, and what of it is known to be in order; pure (I19).

A value is unremarkable only where that is known: a number inside its own ranges in the same unit, a word that says so,
or the laboratory's own flag, and nothing that says otherwise. Everything else demands a look.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum, auto
from typing import Any

from agents import codes
from agents.charts import Resource, named
from agents.result_followup.analytes import ANALYTES, CODES, NO_RESULTS, Analyte
from agents.result_followup.charted import (
    Number,
    as_list,
    codes_of,
    has_value,
    named_of,
    number_of,
    plain,
    quantity_of,
    shown_as,
    texts_of,
    units_of,
    usable,
)
from agents.result_followup.flags import WORDS, Said, Words, flags_of, is_critical, nothing_found
from agents.result_followup.ranges import compare

WITHDRAWN = ("entered-in-error", "cancelled")
OTHER_CATEGORIES = frozenset(
    [
        "vital-signs",
        "vital-sign",
        "vitals",
        "vs",
        "social-history",
        "imaging",
        "procedure",
        "survey",
        "exam",
        "therapy",
        "activity",
    ]
)
"""HL7 observation-category, FHIR R4, and how it is spelt: what is no laboratory's, unless it is flagged as critical."""
VITAL_SIGNS = frozenset(("vital-signs", "vital-sign", "vitals", "vs"))
SECTIONS = frozenset(["ch", "hm", "mb", "mcb", "myc", "par", "vr", "sr", "imm", "bg", "blb", "tx", "pat", "ge", "cg"])
"""Sections of a laboratory, HL7 v2.5 table 0074, in lower case."""
LABORATORY = re.compile(
    r"\blab\b|laborator|^labor$|chem|microbiol|bacteriol|h[ae]+matolog|patholog|serolog|immunolog|virolog|mycolog|parasit"
    r"|toxicolog|coagul|blood.?gas|blood.?bank|genetic|cytolog"
)
OF_A_SAMPLE = re.compile(r"/(?:[dcmunµμ]?l|100 ?ml|mol|g)$")
"""Ends of units that only samples have: by volume, by amount or by mass."""


class Standing(IntEnum):
    """How a value stands, the more it demands the higher."""

    UNREMARKABLE = auto()
    UNCLEAR = auto()
    """Nobody says how it is to be taken, or what says so can't be compared with it."""
    FLAGGED = auto()
    """Beyond a range or a limit of ours, or flagged."""
    CRITICAL = auto()
    """The laboratory itself calls it critical."""


@dataclass(frozen=True)
class Result:
    """One value as it was charted: an Observation's own, or a component's."""

    identity: tuple[str, ...]
    """By which later values of the same test on the same kind of sample are known; empty where nothing tells."""
    name: str
    value: str
    """In the words of the chart, with its unit."""
    standing: Standing
    why: str = ""
    """How it is taken, for a person; empty where it is unremarkable."""
    analyte: str | None = None
    """Key of `ANALYTES`, where we know the test."""
    number: float | None = None
    """In the unit of the analyte, where there is one."""
    is_number: bool = False
    side: str = ""
    """`low` or `high`, where the laboratory says on which side it is."""


def is_result(resource: Resource, words: Words = WORDS) -> bool:
    """Return whether an Observation is a laboratory's: by its category, one of our codes, or what only they report.

    Raises what odd elements raise (TypeError, AttributeError and the like).
    """
    if resource.get("resourceType") != "Observation":
        return False
    parts = [part for part in (resource, *as_list(resource.get("component"))) if isinstance(part, dict)]
    if any(_analyte(part.get("code")) for part in parts):
        return True
    told = {word for one in as_list(resource.get("category")) for word in _category(one)}
    other = told & OTHER_CATEGORIES
    if told & (SECTIONS | {"laboratory", "lab", *codes.LABORATORY}):
        return True
    if not other and any(LABORATORY.search(word) for word in told):
        return True
    if codes_of(resource.get("code")) & codes.NOT_OF_A_LABORATORY or other & VITAL_SIGNS:
        return False
    if other:  # but a device at the bedside may report as an examination
        return any(flags_of(part, words).critical for part in parts)
    signs = ("interpretation", "referenceRange", "specimen")
    return any(resource.get(sign) for sign in signs) or any(
        OF_A_SAMPLE.search(u) for u in units_of(quantity_of(resource))
    )


def results(resource: Resource, words: Words = WORDS) -> tuple[Result, ...]:
    """Return each value of a result; none where it was withdrawn, is not there yet, or only groups others.

    A part that can't be read is unclear. Raises what odd elements of the whole raise (TypeError and the like).
    """
    if resource.get("status") in WITHDRAWN:
        return ()
    told = has_value(resource) or bool(resource.get("interpretation"))
    parts = [
        part
        for part in as_list(resource.get("component"))
        if not (isinstance(part, dict) and codes_of(part.get("code")) & codes.NOT_OF_A_LABORATORY)
        or flags_of(part, words).critical
        or flags_of(part, words).other
    ]
    if not told and not parts and resource.get("status") == "registered":
        return ()
    own = told or not (parts or resource.get("hasMember"))
    found = [_result(resource, resource, words)] if own else []
    found += [_result(part, resource, words) for part in parts]
    for one in as_list(resource.get("contained")):
        if _is_observation(one):
            found += _contained(one, resource, words)
    return tuple(found)


def _contained(one: Resource, resource: Resource, words: Words) -> tuple[Result, ...]:
    """Return the values of a result inside another; one of somebody else, or of something else, is not used."""
    whose = one.get("subject")
    if one.get("focus") or (whose and whose != resource.get("subject")):
        return (Result((), named_of(one.get("code") or {}), "", Standing.UNCLEAR, "contained, and of somebody else"),)
    return results({**one, "contained": None}, words)


def demands_look(resource: Resource, words: Words = WORDS) -> bool:
    """Return whether a result may not pass unseen. What can't be read demands a look as well; never raises."""
    try:
        return any(one.standing > Standing.UNREMARKABLE for one in results(resource, words))
    except (ValueError, TypeError, AttributeError, LookupError, OverflowError):
        return True


def _result(part: Any, resource: Resource, words: Words) -> Result:
    whole = resource.get("code") or {}
    try:
        code = part.get("code") or {}
        analyte = _analyte(code)
        known = ANALYTES[analyte].reading.label if analyte else ""
        name = named(code) or known or named_of(code)  # a bare code says nothing to a nurse
        if part is not resource and named(whole):
            name = f"{named_of(whole)}: {name}"
        number = usable(part, ANALYTES[analyte]) if analyte else None
        standing, why, side = _standing(part, words, ANALYTES.get(analyte or ""), number)
        odd = resource.get("modifierExtension") or part.get("modifierExtension")
        if odd and standing < Standing.FLAGGED:
            standing, why = Standing.UNCLEAR, "has a modifier that is not known"
        return Result(
            _identity(part, resource, analyte), name, shown_as(part), standing, why, analyte, number,
            number_of(part) is not None, side,
        )  # fmt: skip
    except (ValueError, TypeError, AttributeError, LookupError, OverflowError):
        if part is resource:
            raise
        return Result((), f"{named_of(whole)}: a part", "", Standing.UNCLEAR, "can't be read")


def _identity(part: Resource, resource: Resource, analyte: str | None) -> tuple[str, ...]:
    """Return what makes two values one test: an analyte is one whatever its code, others by code, sample and method."""
    told = sorted(codes_of(part.get("code")))
    if analyte:
        return (analyte,)
    if not told:
        return ()
    whole = () if part is resource else sorted(codes_of(resource.get("code"))) or (str(resource.get("id")),)
    sample = (str(resource.get(element) or "") for element in ("specimen", "bodySite", "method"))
    return (*told, "of", *whole, *sample)


def _standing(part: Resource, words: Words, analyte: Analyte | None, number: float | None) -> tuple[Standing, str, str]:
    """Return how it stands, why, and on which side."""
    said, texts, charted = flags_of(part, words), texts_of(part), number_of(part)
    if critical := [text for text in texts if is_critical(text)]:
        said.critical.append(f"called {critical[0]}" if charted is None else "called critical")
    if said.critical:
        return Standing.CRITICAL, said.critical[0], said.side
    if analyte and number is not None and (limit := analyte.beyond(number)):
        told = f"critical of adults from {limit}"
        return Standing.FLAGGED, "; ".join([*said.other[:1], told]), said.side
    if said.other:
        return Standing.FLAGGED, said.other[0], said.side
    if part.get("dataAbsentReason") or sum(name.startswith("value") and part[name] is not None for name in part) > 1:
        return Standing.UNCLEAR, "no value" if not has_value(part) else "more than one value, or a reason for none", ""
    unread = analyte is not None and number is None
    if charted is None:
        return (*_in_words(part, texts, said, words, unread), "")
    return _in_numbers(part, charted, said, unread)


def _in_words(part: Resource, texts: list[str], said: Said, words: Words, unread: bool) -> tuple[Standing, str]:
    """Judge a value in words; `unread`: of an analyte that is a number elsewhere, so that its flag proves nothing."""
    ranges = [plain(one.get("text")) for one in as_list(part.get("referenceRange")) if one.get("text")]
    nothing = bool(texts) and all(nothing_found(text, words) for text in texts)
    as_expected = bool(texts) and bool(ranges) and all(text in ranges for text in texts)
    expected = all(text in texts or nothing_found(text, words) for text in ranges)
    if not unread and (as_expected or (expected and texts and (nothing or said.unremarkable))):
        return Standing.UNREMARKABLE, ""
    if not texts or (isinstance(part.get("valueQuantity"), dict) and part["valueQuantity"].get("value") is None):
        return Standing.UNCLEAR, "no value"
    return Standing.UNCLEAR, "in words" if unread or said.unremarkable else "in words, without a flag"


def _in_numbers(part: Resource, number: Number, said: Said, unread: bool) -> tuple[Standing, str, str]:
    compared = [compare(one, number) for one in as_list(part.get("referenceRange"))]
    if outside := [side for side in compared if side in ("low", "high")]:
        return Standing.FLAGGED, "out of its range", outside[0]
    inside = "" in compared and None not in compared
    if number.comparator not in ("", "<", ">", "<=", ">="):
        return Standing.UNCLEAR, "a comparator that is not known", ""
    if inside or (said.unremarkable and not unread):
        return Standing.UNREMARKABLE, "", ""
    if unread:
        return Standing.UNCLEAR, "in a unit that can't be read", ""
    told = "a range that can't be compared with it" if compared else "no range"
    return Standing.UNCLEAR, f"no flag and {told}", ""


def _is_observation(resource: Any) -> bool:
    return isinstance(resource, dict) and resource.get("resourceType") == "Observation"


def _analyte(code: Any) -> str | None:
    """Return the key of the analyte that a code stands for, of those that are a laboratory's."""
    named = (name for name in sorted(codes_of(code)) if name in CODES)
    return next((CODES[name] for name in named if CODES[name] not in NO_RESULTS), None)


def _category(concept: Any) -> Iterator[str]:
    if isinstance(concept, str):
        concept = {"text": concept}
    codings = [coding for coding in as_list(concept.get("coding")) if isinstance(coding, dict)]
    told = (concept.get("text"), *(coding.get(name) for coding in codings for name in ("code", "display")))
    return ("-".join(plain(word).split()) for word in told if word)
