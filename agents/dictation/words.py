"""Words that several rules of dictation know, and how rules look at what was heard."""

from collections.abc import Sequence

from agents.dictation.numbers import Item, Kind
from agents.physiology import PLAUSIBLE
from contracts.dictation import Doubt


def vocabulary(words: str) -> frozenset[str]:
    """Return the words of a text as a set."""
    return frozenset(words.split())


GIVEN = vocabulary("take takes taking taken took on give given started prescribed medications medication meds uses")
NOT_TAKEN = vocabulary(
    "allergic allergy allergies intolerant reaction stopped stop stops no not never without denies off ran out"
)
DOSES = vocabulary("mg mcg g ml mmol tablet puff drop")
LIKE_DIGITS = vocabulary("to too for fore won ate oh eye")
"""Words that digits are heard as."""
_MEASURES = {
    "pressure": "sbp", "bp": "sbp", "pulse": "hr", "saturation": "spo2", "sats": "spo2", "temperature": "temp_c",
    "temp": "temp_c", "pain": "pain_nrs", "gcs": "gcs", "glucose": "glucose", "sugar": "glucose", "potassium": "k",
    "sodium": "na", "lactate": "lactate",
    "creatinine": "creatinine", "haemoglobin": "haemoglobin", "hemoglobin": "haemoglobin", "troponin": "troponin",
    "crp": "crp", "score": "score", "weight": "weight", "ph": "ph",
}  # fmt: skip
MEASURED = {word: PLAUSIBLE[measure].limits for word, measure in _MEASURES.items()} | {
    "rate": (PLAUSIBLE["rr"].low, PLAUSIBLE["hr"].high)
}
"""Words before a number, which may have one of LINKS between, and what it can be there at all: what the body can do and
survive, or a device can show, widely. A number outside was not said."""
LINKS = vocabulary("is was of at now about around")


def says(items: Sequence[Item], at: int) -> str:
    """Return what an item says, or nothing where there is none."""
    return items[at].says if 0 <= at < len(items) else ""


def kind(items: Sequence[Item], at: int) -> Kind | None:
    """Return the kind of an item, or None where there is none."""
    return items[at].kind if 0 <= at < len(items) else None


def ends_a_sentence(items: Sequence[Item], at: int) -> bool:
    """Return whether what follows an item, if anything, is another sentence; a hearing may have no full stops."""
    return 0 <= at < len(items) and items[at].ends in (*".;?!",)


def is_figure(items: Sequence[Item], at: int) -> bool:
    """Return whether an item is a number in digits: `twice` is a number, and none."""
    return kind(items, at) == Kind.NUMBER and says(items, at)[0].isdigit()


def doubted(items: Sequence[Item], first: int, last: int, why: str = Kind.NUMBER) -> Doubt:
    """Return the doubt of a stretch of items, as far as there are any."""
    words = items[max(first, 0)].first, items[min(last, len(items) - 1)].last
    return Doubt(first=words[0], last=words[1], heard_otherwise="", why=why)
