"""Which Observation is a result of a laboratory, and what of it is known to be in order; pure (I19).

A value is unremarkable only where that is known: a number inside its own ranges in the same unit, a word that says so,
or the laboratory's own flag, and nothing that says otherwise. Everything else demands a look.
"""

import math
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import IntEnum, auto
from typing import Any, TypeGuard

from agents import codes
from agents.charts import Resource, clean, named
from agents.quantities import UnusableError, measured
from agents.result_followup.analytes import ANALYTES, CODES, NO_RESULTS, Analyte

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
CRITICAL_FLAGS = frozenset(("HH", "LL", "AA"))  # HL7 v3 ObservationInterpretation, and HL7 v2.5 table 0078
LOCAL_CRITICAL = frozenset(
    ["CH", "CL", "HC", "LC", "PH", "PL", "CRH", "CRL"]
)  # our judgement: critical or panic, high or low
UNREMARKABLE_FLAGS = frozenset(["N", "NEG", "ND", "NR", "S"])
"""HL7 v3 ObservationInterpretation: normal, negative, not detected, non-reactive, susceptible."""
SILENT_FLAGS = frozenset(("NULL",))  # HL7 v2.5 table 0078: no range is defined
LOW, HIGH = frozenset(["L", "LL", "LU", "<"]), frozenset(["H", "HH", "HU", ">"])  # HL7 v3 ObservationInterpretation
CRITICAL_WORDS = re.compile(
    r"\b(?:crit(?!eri)\w*|kriti\w*|cr[ií]tic\w*|panic\w*|alarm\w*|alert (?:high|low|value)|life.?threatening)\b",
    re.IGNORECASE,
)
DENIED = re.compile(r"(?:^|\W)(?:not|non|no|nicht|niet|pas)[ -]$", re.IGNORECASE)
UNREMARKABLE_WORDS = frozenset(
    (
        "normal", "within normal limits", "wnl", "unremarkable", "in range", "negative", "neg", "not detected",
        "undetected", "none detected", "non-reactive", "nonreactive", "non reactive", "not reactive", "absent",
        "not present", "none seen", "not seen", "no growth", "nil",
    )
)  # fmt: skip
"""Whole values and flags, in lower case, that say that nothing was found; our judgement, and the pathway's options add
a hospital's own."""
PLAIN = r"[a-z]+(?: [a-z]+){0,2}"
NOTHING_FOUND = re.compile(
    rf"no growth (?:after|at|in|for) \d+ ?(?:h|hrs?|hours?|d|days?)|negative for {PLAIN}(?: ?\d{{1,2}})?"
    rf"|no {PLAIN} (?:seen|detected|isolated|found)"
)
UNLESS = re.compile(
    r"\b(?:but|except|however|although|other|only|until|yet|positive|many|moderate|heavy|few|gram|growth|specimen|sample"
    r"|doubt|result|and|reactive)\b"
)
QUALIFIER = re.compile(r"\s*\((?:qualifier value|finding|applies to non-?numeric results)\)$")
"""Ends of names: semantic tags of SNOMED CT, and HL7 v2.5 table 0078 on its normal."""
NOT_NORMAL_RANGES = re.compile(
    r"measur|analytic|detect|report|critic|panic|therap|toxic|target|treat|action", re.IGNORECASE
)
MOST_CHARS = 60  # of a number or a range as text; our judgement: a longer text is none
NUMERIC = r"[-+]?\d{1,9}(?:\.\d{1,9})?"
TAIL = r"(?:[^\W\d_]|[%°\[{]).*"  # what follows a number as text, as units begin
CHARTED = re.compile(rf"(?P<comparator><=|>=|<|>)? ?(?P<number>{NUMERIC}) ?(?P<unit>{TAIL})?")
SPAN = re.compile(rf"\(?(?P<low>{NUMERIC}) ?(?:-|\u2013|to) ?(?P<high>{NUMERIC})\)? ?(?P<unit>{TAIL})?")
BOUND = re.compile(rf"(?P<side><=|>=|<|>|\u2264|\u2265) ?(?P<limit>{NUMERIC}) ?(?P<unit>{TAIL})?")
THOUSANDS, THREE_PLACES = re.compile(r"[-+]?[1-9]\d{0,2}\.\d{3}"), re.compile(r"\d\.\d{3}\b")
"""A number as text that is another one where the point separates thousands; unless its range is written so as well."""
SAYS_NORMAL = re.compile(r"^(?:normal|reference|ref\.?)? ?(?:range|values?)? ?:? ?", re.IGNORECASE)


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


@dataclass(frozen=True)
class Words:
    """What counts as said, for one hospital."""

    unremarkable: frozenset[str] = UNREMARKABLE_WORDS
    critical_flags: frozenset[str] = frozenset()


WORDS = Words()


@dataclass(frozen=True)
class _Number:
    value: float
    comparator: str = ""
    units: tuple[str, ...] = ()
    as_text: bool = False
    """What follows the number may be anything: it is a unit only where the range names the same."""


@dataclass
class _Said:
    """What the laboratory says of one value."""

    critical: list[str] = field(default_factory=list)
    other: list[str] = field(default_factory=list)
    unremarkable: bool = False
    side: str = ""


def is_result(resource: Resource, words: Words = WORDS) -> bool:
    """Return whether an Observation is a laboratory's: by its category, one of our codes, or what only they report.

    Raises what odd elements raise (TypeError, AttributeError and the like).
    """
    if resource.get("resourceType") != "Observation":
        return False
    parts = [part for part in (resource, *_list(resource.get("component"))) if isinstance(part, dict)]
    if any(_analyte(part.get("code")) for part in parts):
        return True
    told = {word for one in _list(resource.get("category")) for word in _category(one)}
    other = told & OTHER_CATEGORIES
    if told & (SECTIONS | {"laboratory", "lab", *codes.LABORATORY}):
        return True
    if not other and any(LABORATORY.search(word) for word in told):
        return True
    if _codes(resource.get("code")) & codes.NOT_OF_A_LABORATORY or other & VITAL_SIGNS:
        return False
    if other:  # but a device at the bedside may report as an examination
        return any(_flags(part, words).critical for part in parts)
    signs = ("interpretation", "referenceRange", "specimen")
    return any(resource.get(sign) for sign in signs) or any(OF_A_SAMPLE.search(u) for u in _units(_quantity(resource)))


def results(resource: Resource, words: Words = WORDS) -> tuple[Result, ...]:
    """Return each value of a result; none where it was withdrawn, is not there yet, or only groups others.

    A part that can't be read is unclear. Raises what odd elements of the whole raise (TypeError and the like).
    """
    if resource.get("status") in WITHDRAWN:
        return ()
    told = _has_value(resource) or bool(resource.get("interpretation"))
    parts = [
        part
        for part in _list(resource.get("component"))
        if not (isinstance(part, dict) and _codes(part.get("code")) & codes.NOT_OF_A_LABORATORY)
        or _flags(part, words).critical
        or _flags(part, words).other
    ]
    if not told and not parts and resource.get("status") == "registered":
        return ()
    own = told or not (parts or resource.get("hasMember"))
    found = [_result(resource, resource, words)] if own else []
    found += [_result(part, resource, words) for part in parts]
    for one in _list(resource.get("contained")):
        if _is_observation(one):
            found += _contained(one, resource, words)
    return tuple(found)


def _contained(one: Resource, resource: Resource, words: Words) -> tuple[Result, ...]:
    """Return the values of a result inside another; one of somebody else, or of something else, is not used."""
    whose = one.get("subject")
    if one.get("focus") or (whose and whose != resource.get("subject")):
        return (Result((), _named(one.get("code") or {}), "", Standing.UNCLEAR, "contained, and of somebody else"),)
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
        name, analyte = _named(code), _analyte(code)
        if part is not resource and named(whole):
            name = f"{_named(whole)}: {name}"
        number = _usable(part, ANALYTES[analyte]) if analyte else None
        standing, why, side = _standing(part, words, ANALYTES.get(analyte or ""), number)
        odd = resource.get("modifierExtension") or part.get("modifierExtension")
        if odd and standing < Standing.FLAGGED:
            standing, why = Standing.UNCLEAR, "has a modifier that is not known"
        return Result(
            _identity(part, resource, analyte), name, _charted(part), standing, why, analyte, number,
            _number(part) is not None, side,
        )  # fmt: skip
    except (ValueError, TypeError, AttributeError, LookupError, OverflowError):
        if part is resource:
            raise
        return Result((), f"{_named(whole)}: a part", "", Standing.UNCLEAR, "can't be read")


def _identity(part: Resource, resource: Resource, analyte: str | None) -> tuple[str, ...]:
    """Return what makes two values one test: an analyte is one whatever its code, others by code, sample and method."""
    told = sorted(_codes(part.get("code")))
    if analyte:
        return (analyte,)
    if not told:
        return ()
    whole = () if part is resource else sorted(_codes(resource.get("code"))) or (str(resource.get("id")),)
    sample = (str(resource.get(element) or "") for element in ("specimen", "bodySite", "method"))
    return (*told, "of", *whole, *sample)


def _standing(part: Resource, words: Words, analyte: Analyte | None, number: float | None) -> tuple[Standing, str, str]:
    """Return how it stands, why, and on which side."""
    said, texts, charted = _flags(part, words), _texts(part), _number(part)
    if critical := [text for text in texts if _is_critical(text)]:
        said.critical.append(f"called {critical[0]}" if charted is None else "called critical")
    if said.critical:
        return Standing.CRITICAL, said.critical[0], said.side
    if analyte and number is not None and (limit := analyte.beyond(number)):
        told = f"critical of adults from {limit}"
        return Standing.FLAGGED, "; ".join([*said.other[:1], told]), said.side
    if said.other:
        return Standing.FLAGGED, said.other[0], said.side
    if part.get("dataAbsentReason") or sum(name.startswith("value") and part[name] is not None for name in part) > 1:
        return Standing.UNCLEAR, "no value" if not _has_value(part) else "more than one value, or a reason for none", ""
    unread = analyte is not None and number is None
    if charted is None:
        return (*_in_words(part, texts, said, words, unread), "")
    return _in_numbers(part, charted, said, unread)


def _in_words(part: Resource, texts: list[str], said: _Said, words: Words, unread: bool) -> tuple[Standing, str]:
    """Judge a value in words; `unread`: of an analyte that is a number elsewhere, so that its flag proves nothing."""
    ranges = [_plain(one.get("text")) for one in _list(part.get("referenceRange")) if one.get("text")]
    nothing = bool(texts) and all(_nothing_found(text, words) for text in texts)
    as_expected = bool(texts) and bool(ranges) and all(text in ranges for text in texts)
    expected = all(text in texts or _nothing_found(text, words) for text in ranges)
    if not unread and (as_expected or (expected and texts and (nothing or said.unremarkable))):
        return Standing.UNREMARKABLE, ""
    if not texts or (isinstance(part.get("valueQuantity"), dict) and part["valueQuantity"].get("value") is None):
        return Standing.UNCLEAR, "no value"
    return Standing.UNCLEAR, "in words" if unread or said.unremarkable else "in words, without a flag"


def _in_numbers(part: Resource, number: _Number, said: _Said, unread: bool) -> tuple[Standing, str, str]:
    compared = [_compared(one, number) for one in _list(part.get("referenceRange"))]
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


def _flags(part: Resource, words: Words) -> _Said:
    found = _Said()
    for concept in _list(part.get("interpretation")):
        flags = _flag_words(concept)
        told, texts = [code for code, _ in flags if code], [text for _, text in flags if text]
        named_codes = {code.upper() for one in told for code in re.split(r"[~,;*^|\s]+", one) if code}
        whole = named_codes | {text.upper() for text in texts}
        found.side = found.side or ("low" if whole & LOW else "high" if whole & HIGH else "")
        if critical := whole & (CRITICAL_FLAGS | LOCAL_CRITICAL | words.critical_flags):
            found.critical.append(f"flagged {min(critical)}")
        elif worded := [text for text in (*texts, *told) if _is_critical(text)]:
            found.critical.append(f"flagged {worded[0]}")
        elif whole <= SILENT_FLAGS:
            continue  # an empty concept says nothing
        elif all(_is_in_order(code, text, words) for code, text in flags):
            found.unremarkable = True
        else:
            found.other.append(f"flagged {next(iter([*told, *texts]))}")
    return found


def _flag_words(concept: Any) -> list[tuple[str, str]]:
    """Return each code of a flag with its display, and its text without a code; some servers send the code alone."""
    if isinstance(concept, str):
        return [(clean(concept), "")]
    codings = [one if isinstance(one, dict) else {"code": one} for one in _list(concept.get("coding"))]
    found = [(clean(coding.get("code")), clean(coding.get("display"))) for coding in codings]
    return [*found, ("", clean(concept.get("text")))]


def _is_in_order(code: str, text: str, words: Words) -> bool:
    """Return whether a flag says that all is in order, in its code and in its text; a local code may by its text."""
    fine = not text or text.upper() in UNREMARKABLE_FLAGS or _nothing_found(_plain(text), words)
    known = code.upper() in UNREMARKABLE_FLAGS | SILENT_FLAGS or _nothing_found(_plain(code), words)
    return fine and (not code or known or bool(text))


def _is_critical(text: str) -> bool:
    return any(not DENIED.search(text[: match.start()]) for match in CRITICAL_WORDS.finditer(text))


def _nothing_found(text: str, words: Words) -> bool:
    told = QUALIFIER.sub("", text).rstrip(".")
    if told in words.unremarkable or text in words.unremarkable:
        return True
    return bool(NOTHING_FOUND.fullmatch(told)) and not UNLESS.search(told.removeprefix("no growth"))


NO_NORMAL_RANGE = "other"


def _compared(limits: Resource, number: _Number) -> str | None:
    """Return `low` or `high` where the number lies outside of this range, empty inside, None: not comparable.

    Of several ranges, for other ages or uses, every one counts: who they are meant for is a person's to see. Inside one
    that is no range of what is normal says nothing: NO_NORMAL_RANGE.
    """
    text = str(limits.get("text") or "")
    kinds = [clean(word) for word in _concept_words(limits.get("type"))]
    normal = not kinds or any(word.lower().startswith(("normal", "recommended")) for word in kinds)
    spans: list[_Span | None] = [_structured(limits, number)] if limits.get("low") or limits.get("high") else []
    if text and (not spans or (_parsed(text) and not _repeats(text, spans[0]))):
        spans.append(_written(text, number))
    for span in spans:
        if span and (side := _outside(span, number)):
            return side
    vague = any(span is None or not span.whole or _may_be_outside(span, number) for span in spans)
    if not spans or vague or limits.get("modifierExtension"):
        return None
    return "" if normal and not NOT_NORMAL_RANGES.search(text) else NO_NORMAL_RANGE


def _repeats(text: str, span: "_Span | None") -> bool:
    """Return whether a text says the same two numbers, if in another spelling of the unit."""
    match = _parsed(text)
    low, high = (match["low"], match["high"]) if match and "low" in match.re.groupindex else ("", "")
    return bool(span and low and high) and (float(low), float(high)) == (span.low, span.high)  # pyright: ignore


@dataclass(frozen=True)
class _Span:
    low: float | None
    high: float | None
    strict: bool = False
    """Whether the limits themselves lie outside."""
    whole: bool = True
    """Whether all of it could be compared."""


def _structured(limits: Resource, number: _Number) -> _Span:
    low, high = _limit(limits.get("low"), number), _limit(limits.get("high"), number)
    whole = (low is not None or not limits.get("low")) and (high is not None or not limits.get("high"))
    return _Span(low, high, whole=whole)


def _limit(quantity: Any, number: _Number) -> float | None:
    value = quantity.get("value") if isinstance(quantity, dict) else None
    return float(value) if _is_number(value) and _same_unit(_units(quantity), number) else None


def _parsed(text: str) -> re.Match[str] | None:
    told = SAYS_NORMAL.sub("", clean(text)[:MOST_CHARS], count=1)
    return SPAN.fullmatch(told) or BOUND.fullmatch(told)


def _written(text: str, number: _Number) -> _Span | None:
    match = _parsed(text)
    if match is None or not {*_tail(match)} <= {*number.units}:  # words after a number are a unit only if it has it
        return None
    if "side" not in match.re.groupindex:
        return _Span(float(match["low"]), float(match["high"]))
    limit, strict = float(match["limit"]), match["side"] in ("<", ">")
    above = match["side"] in (">", ">=", "\u2265")
    return _Span(limit if above else None, None if above else limit, strict)


def _tail(match: re.Match[str]) -> tuple[str, ...]:
    return (_unit(match["unit"]),) if match["unit"] else ()


def _outside(span: _Span, number: _Number) -> str:
    value, side = number.value, number.comparator[:1]
    if span.high is not None and (value > span.high or (value == span.high and (span.strict or side == ">"))):
        return "" if side == "<" and value == span.high else "high"
    if span.low is not None and (value < span.low or (value == span.low and (span.strict or side == "<"))):
        return "" if side == ">" and value == span.low else "low"
    return ""


def _may_be_outside(span: _Span, number: _Number) -> bool:
    """Return whether a bound may be anything on its side; below 0 is nothing, unless the range says so."""
    side = number.comparator[:1]
    return (side == ">" and span.high is not None) or (side == "<" and span.low not in (None, 0))


def _same_unit(units: tuple[str, ...], number: _Number) -> bool:
    if number.as_text and number.units:
        return bool({*units} & {*number.units})
    return not units or bool({*units} & {*number.units}) or (not number.units and not number.as_text)


def _number(part: Resource) -> _Number | None:
    """Return the value as a number, where it is charted as one or as the plain text of one."""
    quantity = part.get("valueQuantity")
    if isinstance(quantity, dict):
        value, comparator, units = quantity.get("value"), str(quantity.get("comparator") or ""), _units(quantity)
    else:
        value, comparator, units = part.get("valueInteger", part.get("valueDecimal", part.get("valueString"))), "", ()
    if _is_number(value):
        return _Number(float(value), comparator, units)
    text = clean(value) if isinstance(value, str) else ""
    match = CHARTED.fullmatch(text) if len(text) <= MOST_CHARS else None
    if match is None:
        return None
    if THOUSANDS.fullmatch(match["number"]) and not THREE_PLACES.search(str(part.get("referenceRange"))):
        return None
    return _Number(float(match["number"]), comparator or match["comparator"] or "", units or _tail(match), not units)


def _usable(part: Resource, analyte: Analyte) -> float | None:
    """Return the number in the analyte's unit, or None where it has to be judged by its own flag and range."""
    number, measure, quantity = _number(part), analyte.reading.measure, part.get("valueQuantity")
    if number is None or measure is None:
        return None
    if not isinstance(quantity, dict) or not _is_number(quantity.get("value")):
        quantity = {"value": number.value, "comparator": number.comparator, "unit": next(iter(number.units), None)}
    try:
        return measured(quantity, measure)[1]
    except UnusableError:
        return None


def _is_number(value: Any) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _quantity(part: Resource) -> Resource:
    quantity = part.get("valueQuantity")
    return quantity if isinstance(quantity, dict) else {}


def _units(quantity: Resource) -> tuple[str, ...]:
    return tuple(_unit(quantity[name]) for name in ("code", "unit") if quantity.get(name))


def _unit(text: Any) -> str:
    return unicodedata.normalize("NFKC", str(text)).strip().lower()


def _plain(text: Any) -> str:
    return unicodedata.normalize("NFKC", clean(text)).lower()


def _texts(part: Resource) -> list[str]:
    """Return the value in words, in lower case; every one that it is given in."""
    if isinstance(concept := part.get("valueCodeableConcept"), dict):
        told = [_plain(word) for word in _concept_words(concept)]
        return [word for word in told if word] or [_plain(code) for code in sorted(_codes(concept))]
    strings = [value for name, value in part.items() if name.startswith("value") and isinstance(value, str)]
    told = [_plain(text) for text in strings] or [_plain(_text(part))]
    return [text for text in told if text]


def _text(part: Resource) -> str:
    """Return the value in words, empty where there is none."""
    if isinstance(concept := part.get("valueCodeableConcept"), dict):
        return named(concept) or next(iter(sorted(_codes(concept))), "")
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
            parts = (told.get(name) for name in ("comparator", "value", "unit"))
            told = " ".join(str(one) for one in parts if one is not None)
        yield key, str(told)


def _has_value(resource: Resource) -> bool:
    return any(name.startswith("value") and value is not None for name, value in resource.items())


def _is_observation(resource: Any) -> bool:
    return isinstance(resource, dict) and resource.get("resourceType") == "Observation"


def _named(code: Resource) -> str:
    return named(code) or next(iter(sorted(_codes(code))), "") or "A result"


def _codes(concept: Any) -> set[str]:
    codings = _list(concept.get("coding")) if isinstance(concept, dict) else []
    return {str(coding["code"]) for coding in codings if isinstance(coding, dict) and coding.get("code")}


def _analyte(code: Any) -> str | None:
    """Return the key of the analyte that a code stands for, of those that are a laboratory's."""
    return next((CODES[name] for name in _codes(code) if name in CODES and CODES[name] not in NO_RESULTS), None)


def _concept_words(concept: Any) -> list[str]:
    if not isinstance(concept, dict):
        return []
    codings = [coding for coding in _list(concept.get("coding")) if isinstance(coding, dict)]
    return [str(word) for word in (concept.get("text"), *(coding.get("display") for coding in codings)) if word] or [
        str(coding["code"]) for coding in codings if coding.get("code")
    ]


def _category(concept: Any) -> Iterator[str]:
    if isinstance(concept, str):
        concept = {"text": concept}
    codings = [coding for coding in _list(concept.get("coding")) if isinstance(coding, dict)]
    told = (concept.get("text"), *(coding.get(name) for coding in codings for name in ("code", "display")))
    return ("-".join(_plain(word).split()) for word in told if word)


def _list(value: Any) -> list[Any]:
    """Return the elements of a repeating element; one that is no list, as some servers send it, is one element."""
    return value if isinstance(value, list) else [] if value is None else [value]
