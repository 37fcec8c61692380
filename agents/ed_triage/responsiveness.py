"""How a chart says how awake somebody is, in words and codes; what is not understood counts as not alert."""

import re
from collections.abc import Sequence

from agents import codes

LEVELS = ("alert", "confused", "verbal", "pain", "unresponsive")
"""ACVPU, NEWS2 chart 1 (Royal College of Physicians, 2017), the deepest last."""
LETTERS = dict(zip("acvpu", LEVELS, strict=True))
CODED = {
    codes.ALERT: "alert", codes.CONFUSED: "confused", codes.VERBAL: "verbal", codes.PAINFUL: "pain",
    codes.UNRESPONSIVE: "unresponsive", codes.MENTALLY_ALERT: "alert", codes.ACUTE_CONFUSION: "confused",
    codes.RESPONDS_TO_VOICE: "verbal", codes.DROWSY: "verbal", codes.RESPONDS_TO_PAIN: "pain", codes.STUPOR: "pain",
    codes.NOT_RESPONSIVE: "unresponsive", codes.UNCONSCIOUS: "unresponsive", codes.COMA: "unresponsive",
}  # fmt: skip
# Our judgement, by what the words mean in Plum and Posner's Diagnosis of stupor and coma (2019): a stupor is broken by
# vigorous stimuli alone, which is P; drowsiness and lethargy by the voice, which is V.
DEPTHS = (
    (r"unresponsive|comatose|\bcoma\b|unconscious|un(?:a)?rous[ae]ble|(?:does|do|did) not respond|doesn't respond"
     r"|not respon(?:ding|sive)|no response|non.?responsive", "unresponsive"),
    (r"stupor\w*|semi.?comatose|^pain(?:ful)?$|(?:respon\w*|react\w*|only|locali[sz]\w*|withdraw\w*)\b.*\bpain\w*",
     "pain"),
    (r"^(?:voice|verbal)$|(?:respon\w*|react\w*|only|rous\w*|wakes?)\b.*\b(?:voice|verbal|speech|command\w*)"
     r"|drows\w*|somnolen\w*|letharg\w*|obtunded|sleepy|sedated", "verbal"),
    (r"confus\w*|disorient\w*|deliri\w*|agitat\w*|oriented x ?[012]\b|encephalopath\w*", "confused"),
)  # fmt: skip
DENIED = re.compile(r"\b(?:not|no|no longer|never|without|denies|was|were|earlier|initially|prior|previously)\b")
ALERT = re.compile(
    r"(?:(?:fully|mentally|awake|alert|conscious|orient(?:ed|ated)|responsive|and|to|person|place|time|event|x ?[34]"
    r"|a&?ox?[34]?|aaox?[34]?|cooperative|gcs 15|finding|normal)\b[\s,;.&/()]*)+"
)
SAYS_ALERT = re.compile(r"\b(?:alert|awake|conscious|aa?&?ox?[34]?|a&?ox?[34]?)\b")
LETTER = re.compile(r"^([acvpu])(?:\s*[-:=/]\s*(.*))?$")


def level(texts: Sequence[str]) -> str | None:
    """Return the deepest level that these texts and codes name, or None where none is understood."""
    found = [one for text in texts if (one := _level(text.strip()))]
    return max(found, key=LEVELS.index, default=None)


def _level(text: str) -> str | None:
    if text.upper() in CODED or text in CODED:
        return CODED.get(text, CODED.get(text.upper()))
    told = " ".join(text.lower().split())
    if letter := LETTER.fullmatch(told):
        rest = _worded(letter[2]) if letter[2] else None
        return rest or LETTERS[letter[1]]
    return _worded(told)


def _worded(told: str) -> str | None:
    for pattern, depth in DEPTHS:
        if match := re.search(pattern, told):
            # "not unresponsive", "was unresponsive, now alert": a person reads it, and it counts as not alert
            return None if DENIED.search(told[: match.start()]) else depth
    return "alert" if ALERT.fullmatch(told) and SAYS_ALERT.search(told) else None
