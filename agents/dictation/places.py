"""Which numbers of a hearing can't be trusted, though both hearings have them: out of place, or alike by sound."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from agents.dictation.numbers import Item, Kind

# Words before a number, which may have one of _LINKS between, and what it can be there at all: what the body can do and
# survive, or a device can show, widely. A number outside was not said.
_MEASURED = {
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
_RATES = {"heart": (20, 240), "pulse": (20, 240), "respiratory": (4, 70)}
_LINKS = frozenset({"is", "was", "of", "at", "now", "about", "around"})
_TIMES = frozenset({"at", "since", "from", "until", "till", "by", "around", "about", "before", "after"})
_DOSES = frozenset({"mg", "mcg", "g", "ml", "mmol", "tablet", "puff", "drop"})
_NEED_A_NUMBER = _DOSES - {"tablet", "puff", "drop"} | {"unit", "kg", "%", "degree", "minute", "hour", "year"}
_NO_NUMBER_AFTER = frozenset({"a", "an", "the", "per", "every", "each", "last", "next", "few", "several", "this"})
_DIASTOLIC = (20, 150)
_FOLLOWERS = (
    "a an and as at before after by daily every for from given if im in intravenously iv nightly now nocte on or oral "
    "orally per po prn since so stat takes taken that the then to today together was when with but he she i they"
)
_AFTER_A_DOSE = frozenset(_FOLLOWERS.split())
"""Words that can follow `40 milligrams`; units and numbers can, too."""
_MOMENTS = (
    "yesterday today this last the a an about around then she he her his they early late noon midnight morning birth "
    "childhood surgery monday tuesday wednesday thursday friday saturday sunday"
)
_AFTER_SINCE = frozenset(_MOMENTS.split())
_LIKE_DIGITS = frozenset({"to", "too", "for", "fore", "won", "ate", "oh", "eye"})
"""Words that digits are heard as."""


@dataclass(frozen=True)
class Suspect:
    first: int
    last: int
    """Words, as of an `Item`."""


def suspects(items: Sequence[Item]) -> Iterator[Suspect]:
    """Yield numbers without a place, places without their number, and numbers that sound like another."""
    for at, item in enumerate(items):
        if item.kind == Kind.NUMBER and _is_figure(item):
            limits = _place(items, at)
            if limits is None:
                end = _end_of_what_is_unclear(items, at)
                begin = items[at - 1] if _says(items, at - 1) in _LIKE_DIGITS else item
                yield Suspect(begin.first, end.last)
            elif not _within(_value(item), limits) or _sounds_like_another(items, at, limits):
                yield Suspect(item.first, item.last)
        elif item.kind == Kind.WORD and _instead_of_how_often(items, at):
            yield Suspect(item.first, items[at + 1].last if item.says == "a" else item.last)
        elif item.says == "since" and _kind(items, at + 1) == Kind.WORD and _says(items, at + 1) not in _AFTER_SINCE:
            yield Suspect(item.first, items[min(at + 2, len(items) - 1)].last)
        elif item.kind == Kind.UNIT and item.says in _NEED_A_NUMBER and _lacks_its_number(items, at):
            yield Suspect(items[max(at - 1, 0)].first, item.last)
        elif item.says in ("over", "out") and _half(items, at):
            yield Suspect(items[max(at - 1, 0)].first, items[min(at + 1, len(items) - 1)].last)


def _end_of_what_is_unclear(items: Sequence[Item], at: int) -> Item:
    """Return the last item that goes with a number without a place: its unit, misheard, and how often, misheard too."""
    end = at
    while _kind(items, end + 1) == Kind.WORD and _says(items, end + 1) not in _AFTER_A_DOSE and end < at + 3:
        end += 1
    return items[at + 1] if end == at and _says(items, at + 1) in _DOSES else items[end]


def _place(items: Sequence[Item], at: int) -> tuple[float, float] | None:
    """Return what the number can be where it stands, or None where none should stand."""
    before, after = _says(items, at - 1), _says(items, at + 1)
    if after == "over" or (before == "pressure" and _says(items, at - 2) == "blood"):
        return _MEASURED["pressure"] if after == "over" else None
    if before == "over":
        systolic = _value(items[at - 2]) if _kind(items, at - 2) == Kind.NUMBER else _DIASTOLIC[1]
        return _DIASTOLIC[0], min(_DIASTOLIC[1], systolic - 1)
    if (after, _says(items, at + 2)) == ("out", "of"):
        whole = _value(items[at + 3]) if _kind(items, at + 3) == Kind.NUMBER else 0
        return (0, whole) if 1 <= whole <= 100 else None
    if (before, _says(items, at - 2)) == ("of", "out"):
        return (1, 100)
    if before in _TIMES and _is_clock(_value(items[at])) and after in _DOSES:
        return None
    keyword = _says(items, at - 2) if before in _LINKS else before
    if keyword in _MEASURED:
        return _RATES.get(_says(items, at - 3 if before in _LINKS else at - 2), _MEASURED[keyword])
    if after == "year" and _says(items, at + 2) == "old":
        return (0, 120)
    if _kind(items, at + 1) == Kind.UNIT or after == "times":
        return (0, float("inf"))
    if before in _TIMES and (_is_clock(_value(items[at])) or after in ("o'clock", "am", "pm")):
        return (0, 2359)
    pronoun = items[at].says == "1" and (after == "of" or before in ("no", "this", "that"))
    if items[at].says.endswith("th") or pronoun:
        return (0, float("inf"))
    return None


def _instead_of_how_often(items: Sequence[Item], at: int) -> bool:
    """Return whether a word after a dose is none that can stand there: `8 hourly` is heard as `a towerly`."""
    if at < 2 or items[at - 1].says not in _DOSES or items[at - 2].kind != Kind.NUMBER:
        return False
    if items[at].says == "a":
        return _kind(items, at + 1) == Kind.WORD or _says(items, at + 1) == "hour"
    return items[at].says not in _AFTER_A_DOSE


def _sounds_like_another(items: Sequence[Item], at: int, limits: tuple[float, float]) -> bool:
    """Return whether it may be one of `thirteen` and `thirty`, and the other could stand there as well."""
    other, value = _other(items[at].says), _value(items[at])
    if other is None or not _within(other, limits):
        return False
    unit = _says(items, at + 1) if _kind(items, at + 1) == Kind.UNIT else ""
    if unit in _DOSES:
        return _is_a_strength(other)
    if limits == (0, 2359):
        return _is_clock(other)
    if _says(items, at + 1) == "over" and _kind(items, at + 2) == Kind.NUMBER:
        return other > _value(items[at + 2])
    if _says(items, at - 1) == "over" and _kind(items, at - 2) == Kind.NUMBER:
        return other < _value(items[at - 2])
    return value != other


def _other(says: str) -> float | None:
    """Return the number in `-teen` where this one is in `-ty`, or the other way round; None: there is none."""
    whole, dot, fraction = says.partition(".")
    if not whole.isdigit() or len(whole) < 2:
        return None
    end = int(whole[-2:])
    if 13 <= end <= 19:
        swapped = end % 10 * 10
    elif end % 10 == 0 and end >= 30:
        swapped = 10 + end // 10
    else:
        return None
    return float(f"{whole[:-2]}{swapped}{dot}{fraction}")


def _is_a_strength(dose: float) -> bool:
    """Return whether a medicine is given so: `14 mg` is `40 mg` misheard, and `40 mg` is not `14 mg`."""
    return not 13 <= dose % 100 <= 19 or dose == 15


def _lacks_its_number(items: Sequence[Item], at: int) -> bool:
    if _kind(items, at - 1) == Kind.NUMBER:
        return False
    if items[at].says == "year":
        return _says(items, at + 1) == "old"
    exempt = _NO_NUMBER_AFTER if items[at].says in ("hour", "minute") else ("per",)
    return _says(items, at - 1) not in exempt


def _half(items: Sequence[Item], at: int) -> bool:
    """Return whether one of two numbers is missing around `over`, or around `out of`."""
    far = at + 1 if items[at].says == "over" else at + 2
    sides = (_kind(items, at - 1) == Kind.NUMBER, _kind(items, far) == Kind.NUMBER)
    return sides[0] != sides[1] and (items[at].says == "over" or _says(items, at + 1) == "of")


def _is_figure(item: Item) -> bool:
    return item.says[0].isdigit()


def _value(item: Item) -> float:
    return float(item.says.removesuffix("th"))


def _within(value: float, limits: tuple[float, float]) -> bool:
    return limits[0] <= value <= limits[1]


def _is_clock(value: float) -> bool:
    """Return whether it is a time with its minutes; an hour alone is too little to be sure of."""
    return value == int(value) and 100 <= value <= 2359 and value % 100 < 60


def _says(items: Sequence[Item], at: int) -> str:
    return items[at].says if 0 <= at < len(items) else ""


def _kind(items: Sequence[Item], at: int) -> Kind | None:
    return items[at].kind if 0 <= at < len(items) else None
