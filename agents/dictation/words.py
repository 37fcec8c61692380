"""Words that several rules of dictation know, and how rules look at what was heard."""

from collections.abc import Sequence

from agents.dictation.numbers import Item, Kind
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
MEASURED = {
    "pressure": (50, 270),
    "bp": (50, 270),
    "rate": (4, 240),
    "pulse": (20, 240),
    "saturation": (50, 100),
    "sats": (50, 100),
    "temperature": (30, 43),
    "temp": (30, 43),
    "pain": (0, 10),
    "gcs": (3, 15),
    "glucose": (1, 60),
    "sugar": (1, 60),
    "potassium": (1, 10),
    "sodium": (90, 190),
    "lactate": (0, 30),
    "creatinine": (10, 2000),
    "haemoglobin": (20, 250),
    "hemoglobin": (20, 250),
    "troponin": (0, 100_000),
    "crp": (0, 600),
    "score": (0, 100),
    "weight": (1, 400),
    "ph": (6, 8),
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
