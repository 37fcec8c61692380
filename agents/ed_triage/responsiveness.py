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
    (r"un-?responsive|comatose|\bcoma\b|unconscious|un(?:a)?rous[ae]ble|(?:does|do|did) not respond|doesn't respond"
     r"|not respon(?:ding|sive)|no response|non.?responsive", "unresponsive"),
    (r"stupor\w*|semi.?coma\w*|semi.?conscious\w*|^pain(?:ful)?$"
     r"|(?:respon\w*|react\w*|only|locali[sz]\w*|withdraw\w*|moan\w*|groan\w*|grimac\w*|flex\w*)\b.*\bpain\w*",
     "pain"),
    (r"^(?:voice|verbal)$"
     r"|(?:respon\w*|react\w*|only|rous\w*|wakes?|opens?)\b.*\b(?:voice|verbal|speech|command\w*|name)"
     r"|(?:difficult|hard|slow) to (?:rouse|arouse|wake)|drows\w*|somnolen\w*|letharg\w*|obtunded|sleepy|sedated",
     "verbal"),
    (r"confus\w*|disorient\w*|not orient\w*|deliri\w*|agitat\w*|oriented x ?[012]\b|encephalopath\w*"
     r"|altered mental", "confused"),
)  # fmt: skip
DENIED = re.compile(r"\b(?:not|no|no longer|never|without|denies|was|were|earlier|initially|prior|previously)\b")
ORIENTED = r"orient(?:ed|ated)(?: (?:x|times) ?[34]| to person,? place,?(?: and| &)? time(?:,? and event)?)"
ALERT = re.compile(
    rf"(?:(?:fully|mentally|awake|alert|calm|cooperative|and|&|pt|patient|{ORIENTED}|a ?& ?o ?x ?[34]"
    r"|aa?ox ?[34]|gcs:? ?15(?: ?/ ?15)?|finding)[\s,;.()]*)+"
)
SAYS_ALERT = re.compile(rf"\balert\b|{ORIENTED}|a ?& ?o ?x ?[34]|aa?ox ?[34]|gcs:? ?15")
LETTER = re.compile(r"([acvpu])(?:\s*[-:=/(]\s*(.*?)\)?)?")
CLAUSE = re.compile(r"[,;.]|\b(?:now|but)\b")


def depth(word: str) -> int:
    """Return how deep a word is; one that is not understood is as deep as confusion, since it is not alert."""
    return LEVELS.index(word) if word in LEVELS else 1


def level(texts: Sequence[str], coded: Sequence[str] = ()) -> str | None:
    """Return the deepest level that these texts and codes name, or None where none is understood.

    Alert is what they say only if every text says so, and without a text every code: beside what is not understood it
    is in doubt.
    """
    said, meant = [_level(text) for text in texts], [CODED.get(code.upper()) for code in coded]
    deepest = max((one for one in (*said, *meant) if one), key=LEVELS.index, default=None)
    return None if deepest == LEVELS[0] and None in (said or meant) else deepest


def _level(text: str) -> str | None:
    told = " ".join(text.lower().split())
    if coded := CODED.get(told.upper()):
        return coded
    bare = re.sub(r"^avpu\W*", "", told)
    letter = LETTER.fullmatch(bare)
    if not letter or not letter[2]:
        return LETTERS[letter[1]] if letter else _worded(bare)
    rest = LETTERS.get(letter[2]) or _worded(letter[2])
    return max(LETTERS[letter[1]], rest, key=LEVELS.index) if rest else None


def _worded(told: str) -> str | None:
    for pattern, deep in DEPTHS:
        if match := re.search(pattern, told):
            # "not unresponsive", "was unresponsive, now alert": a person reads it, and it counts as not alert
            clause = CLAUSE.split(told[: match.start()])[-1]
            return None if DENIED.search(clause) else deep
    return LEVELS[0] if ALERT.fullmatch(told) and SAYS_ALERT.search(told) else None
