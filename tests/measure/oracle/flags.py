"""What a laboratory says of its own results in flags and words."""

import re

from tests.measure.oracle.resources import Resource, codes, texts, valued

NORMAL = frozenset(["N", "NEG", "ND", "NR", "S"])
CRITICAL = frozenset(["HH", "LL", "AA", "CH", "CL", "HC", "LC", "PH", "PL"])
"""HL7 v3 ObservationInterpretation, and the local codes of docs/result-followup.md."""
LOW, HIGH = frozenset(["L", "LL", "LU", "<", "CL", "LC", "PL"]), frozenset(["H", "HH", "HU", ">", "CH", "HC", "PH"])
_SAYS_CRITICAL = re.compile(r"\b(critical|panic)", re.IGNORECASE)
_SAYS_NOT_CRITICAL = re.compile(r"\b(not|non|no)\b[ -]*(critical|panic)|\bnoncritical", re.IGNORECASE)
_SAYS_ABNORMAL = re.compile(
    r"(?<!not )(?<!no )(?<!non-)\b(abnormal|high|low|elevated|raised|decreased|positive|detected)\b", re.IGNORECASE
)
_MAY_BE_FINE = re.compile(
    r"^(no|not|non|nil|none|neg|absent|clear|trace|within|wnl|n)\b"
    r"|\b(negative|normal|unremarkable|not (detected|seen|present|found)|none|non-?\s?reactive|susceptible)\b",
    re.IGNORECASE,
)
"""Words that may say that nothing was found; of such the oracle claims nothing."""
_FINE_CODES = frozenset(["260385009", "260415000", "17621005", "LA6577-6", "LA11883-8", "LA6626-1"])
"""SNOMED CT and LOINC answers: negative, not detected, normal."""


def given(element: Resource) -> list[str]:
    """Return the codes of all interpretations in upper case, and their words where they say more."""
    found_in = element.get("interpretation") or []
    found: list[str] = []
    for concept in [found_in] if isinstance(found_in, dict) else found_in:
        coded = [str(c["code"]).strip().upper() for c in concept.get("coding") or () if c.get("code")]
        words = [w for w in texts(concept) if not coded or _SAYS_CRITICAL.search(w) or _SAYS_ABNORMAL.search(w)]
        found += coded + [word for word in words if word.upper() not in coded]
    return found


def normal(flag: str) -> bool:
    return flag.upper() in NORMAL or bool(_MAY_BE_FINE.search(flag) and not _SAYS_ABNORMAL.search(flag))


def critical(flag: str) -> bool:
    said = _SAYS_CRITICAL.search(flag) and not _SAYS_NOT_CRITICAL.search(flag)
    return flag.upper() in CRITICAL or bool(said)


def direction(flag: str) -> int:
    up = flag.upper() in HIGH or re.search(r"\b(high|elevated|raised)\b", flag, re.IGNORECASE)
    down = flag.upper() in LOW or re.search(r"\b(low|decreased)\b", flag, re.IGNORECASE)
    return bool(up) - bool(down)


def may_be_fine(element: Resource) -> bool:
    held = valued(element)
    concept = held.get("valueCodeableConcept") or {}
    words = [*texts(concept), *(v for k, v in held.items() if k == "valueString")]
    coded = {code for _, code in codes(concept)}
    return bool(coded & _FINE_CODES or any(_MAY_BE_FINE.search(str(word)) for word in words))
