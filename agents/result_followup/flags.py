"""What a laboratory says of a value in flags and words; pure (I19)."""

import re
from dataclasses import dataclass, field
from typing import Any

from agents.charts import Resource, clean
from agents.result_followup.charted import as_list, plain

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


@dataclass(frozen=True)
class Words:
    """What counts as said, for one hospital."""

    unremarkable: frozenset[str] = UNREMARKABLE_WORDS
    critical_flags: frozenset[str] = frozenset()


WORDS = Words()


@dataclass
class Said:
    """What the laboratory says of one value."""

    critical: list[str] = field(default_factory=list)
    other: list[str] = field(default_factory=list)
    unremarkable: bool = False
    side: str = ""


def flags_of(part: Resource, words: Words) -> Said:
    """Return what the flags of a value say, the most urgent of each first."""
    found = Said()
    for concept in as_list(part.get("interpretation")):
        flags = _flag_words(concept)
        told, texts = [code for code, _ in flags if code], [text for _, text in flags if text]
        named_codes = {code.upper() for one in told for code in re.split(r"[~,;*^|\s]+", one) if code}
        whole = named_codes | {text.upper() for text in texts}
        found.side = found.side or ("low" if whole & LOW else "high" if whole & HIGH else "")
        if critical := whole & (CRITICAL_FLAGS | LOCAL_CRITICAL | words.critical_flags):
            found.critical.append(f"flagged {min(critical)}")
        elif worded := [text for text in (*texts, *told) if is_critical(text)]:
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
    codings = [one if isinstance(one, dict) else {"code": one} for one in as_list(concept.get("coding"))]
    found = [(clean(coding.get("code")), clean(coding.get("display"))) for coding in codings]
    return [*found, ("", clean(concept.get("text")))]


def _is_in_order(code: str, text: str, words: Words) -> bool:
    """Return whether a flag says that all is in order, in its code and in its text; a local code may by its text."""
    fine = not text or text.upper() in UNREMARKABLE_FLAGS or nothing_found(plain(text), words)
    known = code.upper() in UNREMARKABLE_FLAGS | SILENT_FLAGS or nothing_found(plain(code), words)
    return fine and (not code or known or bool(text))


def is_critical(text: str) -> bool:
    """Return whether a text calls something critical, and does not deny it."""
    return any(not DENIED.search(text[: match.start()]) for match in CRITICAL_WORDS.finditer(text))


def nothing_found(text: str, words: Words) -> bool:
    """Return whether a text, in lower case, says that nothing was found."""
    told = QUALIFIER.sub("", text).rstrip(".")
    if told in words.unremarkable or text in words.unremarkable:
        return True
    return bool(NOTHING_FOUND.fullmatch(told)) and not UNLESS.search(told.removeprefix("no growth"))
