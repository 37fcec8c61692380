"""Which numbers of a hearing can't be trusted, though both hearings have them: out of place, or alike by sound.

A place without its number can't either: it was said and is lost. What goes with drugs and doses is in `doses.py`.
"""

from collections.abc import Iterator, Sequence

from agents.dictation.doses import unclear_until
from agents.dictation.numbers import Item, Kind
from agents.dictation.words import (
    DOSES,
    GIVEN,
    LIKE_DIGITS,
    LINKS,
    MEASURED,
    doubted,
    is_figure,
    kind,
    says,
    vocabulary,
)
from agents.physiology import PLAUSIBLE
from contracts.dictation import Doubt

RATES = {"heart": PLAUSIBLE["hr"].limits, "pulse": PLAUSIBLE["hr"].limits, "respiratory": PLAUSIBLE["rr"].limits}
"""Which rate it is, and what it can be."""
_RESULTS = {
    "glucose": vocabulary("mmol mg"),
    "sugar": vocabulary("mmol mg"),
    "potassium": vocabulary("mmol"),
    "sodium": vocabulary("mmol"),
    "lactate": vocabulary("mmol"),
    "haemoglobin": vocabulary("g"),
    "hemoglobin": vocabulary("g"),
    "weight": vocabulary("kg"),
}
"""The units that a result is told in, where it has one."""
_TIMES = vocabulary("at since from until till by around about before after")
_NEED_A_NUMBER = DOSES - {"tablet", "puff", "drop"} | {"unit", "kg", "%", "degree", "minute", "hour", "year"}
_SPANS = vocabulary("minute hour day week")
_NO_NUMBER_AFTER = vocabulary("a an the per every each last next few several this")
_OFTEN_WITHOUT = vocabulary("pain score ph sugar")
_DESCRIBED = vocabulary(
    "normal stable high low raised elevated abnormal regular irregular unrecordable unobtainable not loss gain tablet "
    "bearing control controlled improved fine good better monitor check again unchanged up down dropped fell rose "
    "within remained remains"
)
"""Words after a vital sign that is told without its number."""
_NAMES = vocabulary("heart respiratory oxygen blood pulse breathing") | MEASURED.keys()
_FOLLOWING = vocabulary(
    "on in at with by via after before since from the a an she he they his her who which now today this then while "
    "when and or but out as so just lying sitting standing left right manual alert beats breaths celsius patient "
    "severe mild moderate sharp constant supplemental point over"
)
_BESIDE_A_VITAL = _NAMES | GIVEN | _DESCRIBED | _FOLLOWING
"""Words that may follow the number of a vital sign with no comma between."""
_SPOKEN_OF = vocabulary("normal stable high low raised elevated abnormal check no of for from his her their the")
"""The same before it."""
_DIASTOLIC = PLAUSIBLE["dbp"].limits
_CLOCK, _MINUTES = (0, 2359), 60
"""Hours and minutes of the 24-hour clock as one number, as in `1540`: ISO 8601:2019."""
_WHOLE = (1, 100)
"""What may follow `out of`, as in `7 out of 10`; our judgement: no scale of medicine goes further."""
_TEENS = (13, 19)
"""Numbers in `-teen`, which are heard for those in `-ty`; our judgement: `fourteen` and `forty` differ least."""
_AFTER_SINCE = vocabulary(
    "yesterday this last the a an about around then she he her his they early late noon midnight morning birth "
    "childhood surgery monday tuesday wednesday thursday friday saturday sunday"
)


def suspects(items: Sequence[Item]) -> Iterator[Doubt]:
    """Yield numbers without a place, places without their number, and numbers that sound like another."""
    for at, item in enumerate(items):
        if is_figure(items, at):
            yield from _of_a_number(items, at)
        elif item.says == "since" and kind(items, at + 1) != Kind.NUMBER and says(items, at + 1) not in _AFTER_SINCE:
            yield doubted(items, at, at + 2)
        elif item.says == "today" and says(items, at - 1) == "the":
            yield doubted(items, at - 2, at)  # "at 3:40 today" is heard as "for the today"
        elif item.kind == Kind.UNIT and item.says in _NEED_A_NUMBER and _lacks_its_number(items, at):
            yield doubted(items, at - 1, at)
        elif item.says in MEASURED and (named := _lacks_what_was_measured(items, at)) is not None:
            yield doubted(items, named, unclear_until(items, at, _NAMES | GIVEN))
        elif item.says in ("over", "out") and _half(items, at):
            yield doubted(items, at - 1, at + 1)


def _of_a_number(items: Sequence[Item], at: int) -> Iterator[Doubt]:
    limits, like_digits = _place(items, at), says(items, at - 1) in LIKE_DIGITS
    if says(items, at - 1) == "the" and says(items, at - 2) in LIKE_DIGITS:
        yield doubted(items, at - 2, at)  # "for the 7" is 47
    if limits is None:
        end = unclear_until(items, at)
        with_unit = end == at and says(items, at + 1) in DOSES
        yield doubted(items, at - like_digits, end + with_unit)
    elif not _within(_value(items[at]), limits):
        of_two = says(items, at - 1) == "over"  # which of them is wrong nobody knows
        yield doubted(items, at - 2 if of_two else at, at)
    elif like_digits and _wants_a_number(items, at - 2):
        yield doubted(items, at - 1, at)
    elif _sounds_like_another(items, at, limits):
        yield doubted(items, at, at)
    elif _goes_on(items, at) or _in_another_unit(items, at):
        yield doubted(items, at, at + 1)


def _place(items: Sequence[Item], at: int) -> tuple[float, float] | None:
    """Return what the number can be where it stands, or None where none should stand."""
    before, after = says(items, at - 1), says(items, at + 1)
    if after == "over" or (before == "pressure" and says(items, at - 2) == "blood"):
        return MEASURED["pressure"] if after == "over" else None
    if before == "over" and after in _SPANS:
        return (0, float("inf"))
    if before == "over":
        systolic = _value(items[at - 2]) if kind(items, at - 2) == Kind.NUMBER else _DIASTOLIC[1]
        return _DIASTOLIC[0], min(_DIASTOLIC[1], systolic - 1)
    if (after, says(items, at + 2)) == ("out", "of"):
        whole = _value(items[at + 3]) if kind(items, at + 3) == Kind.NUMBER else 0
        return (0, whole) if _within(whole, _WHOLE) else None
    if (before, says(items, at - 2)) == ("of", "out"):
        return _WHOLE
    if before in _TIMES and _is_clock(_value(items[at])) and after in DOSES:
        return None
    keyword = says(items, at - 2) if before in LINKS else before
    if keyword in MEASURED:
        return RATES.get(says(items, at - 3 if before in LINKS else at - 2), MEASURED[keyword])
    if after == "year" and says(items, at + 2) == "old":
        return PLAUSIBLE["age"].limits
    if kind(items, at + 1) == Kind.UNIT or after == "times":
        return (0, float("inf"))
    if before in _TIMES and (_is_clock(_value(items[at])) or after in ("o'clock", "am", "pm")):
        return _CLOCK
    pronoun = items[at].says == "1" and (after == "of" or before in ("no", "this", "that"))
    if items[at].says.endswith("th") or pronoun:
        return (0, float("inf"))
    return None


def _sounds_like_another(items: Sequence[Item], at: int, limits: tuple[float, float]) -> bool:
    """Return whether it may be one of `thirteen` and `thirty`, or of `101` and `111`, and both can be."""
    other, value = _other(items[at].says), _value(items[at])
    if other is None or not _within(other, limits):
        return False
    unit = says(items, at + 1) if kind(items, at + 1) == Kind.UNIT else ""
    if unit in DOSES:
        return _is_a_strength(other)
    if limits == _CLOCK:
        return _is_clock(other)
    if says(items, at + 1) == "over" and kind(items, at + 2) == Kind.NUMBER:
        return other > _value(items[at + 2])
    if says(items, at - 1) == "over" and kind(items, at - 2) == Kind.NUMBER:
        return other < _value(items[at - 2])
    return value != other


def _goes_on(items: Sequence[Item], at: int) -> bool:
    """Return whether a word after a measured number may be part of it, or its unit: `79` heard as `70 iron`."""
    measured = says(items, at - 1) in MEASURED or says(items, at - 1) == "over"
    following = kind(items, at + 1) == Kind.WORD and not items[at].ends
    return measured and following and says(items, at + 1) not in _BESIDE_A_VITAL


def _in_another_unit(items: Sequence[Item], at: int) -> bool:
    """Return whether a result is not told in such a unit; glucose is in milligrams for a decilitre alone."""
    keyword = says(items, at - 2) if says(items, at - 1) in LINKS else says(items, at - 1)
    unit, units = says(items, at + 1), _RESULTS.get(keyword, frozenset())
    if not units or kind(items, at + 1) != Kind.UNIT:
        return False
    return unit not in units or (unit == "mg" and says(items, at + 3) in ("l", "ml"))


def _other(number: str) -> float | None:
    """Return the number in `-teen` where this one is in `-ty`, or `-11` for `-01`, and back; None: there is none."""
    whole, dot, fraction = number.partition(".")
    if not whole.isdigit() or len(whole) < 2:
        return None
    end = int(whole[-2:])
    if len(whole) == 3 and end in (1, 11):
        return float(f"{whole[0]}{'11' if end == 1 else '01'}{dot}{fraction}")
    if _within(end, _TEENS):
        swapped = end % 10 * 10
    elif end % 10 == 0 and end >= 30:  # our judgement: `twenty` sounds like no other
        swapped = 10 + end // 10
    else:
        return None
    return float(f"{whole[:-2]}{swapped}{dot}{fraction}")


def _is_a_strength(dose: float) -> bool:
    """Return whether a medicine is given so: `14 mg` is `40 mg` misheard, and `40 mg` is not `14 mg`."""
    return not _within(dose % 100, _TEENS) or dose == 15  # our judgement: of these only 15 mg are common


def _lacks_its_number(items: Sequence[Item], at: int) -> bool:
    if kind(items, at - 1) == Kind.NUMBER:
        return False
    if items[at].says == "year":
        return says(items, at + 1) == "old"
    exempt = _NO_NUMBER_AFTER if items[at].says in ("hour", "minute") else ("per",)
    return says(items, at - 1) not in exempt


def _lacks_what_was_measured(items: Sequence[Item], at: int) -> int | None:
    """Return where a vital sign or a result is named that has no number and is not told in words either, or None."""
    named, after = at, at + 1
    if items[at].says in ("rate", "pressure"):
        named -= 1
        if says(items, named) not in ("heart", "pulse", "respiratory", "blood"):
            return None
    elif items[at].says in _OFTEN_WITHOUT:
        return None
    while says(items, after) in LINKS:
        after += 1
    after += says(items, after) in LIKE_DIGITS
    told = kind(items, after) == Kind.NUMBER or says(items, after) in _DESCRIBED
    with_another = says(items, after) in ("and", "or") and says(items, after + 1) in _NAMES
    return None if told or with_another or says(items, named - 1) in _SPOKEN_OF else named


def _wants_a_number(items: Sequence[Item], at: int) -> bool:
    """Return whether a number comes after it: a vital sign, a drug, or that one is given."""
    return says(items, at) in MEASURED or says(items, at) in GIVEN or kind(items, at) == Kind.DRUG


def _half(items: Sequence[Item], at: int) -> bool:
    """Return whether one of two numbers is missing around `over`, or around `out of`."""
    far = at + 1 if items[at].says == "over" else at + 2
    if items[at].says == "over" and says(items, at + 2) in _SPANS:
        return False
    sides = (kind(items, at - 1) == Kind.NUMBER, kind(items, far) == Kind.NUMBER)
    return sides[0] != sides[1] and (items[at].says == "over" or says(items, at + 1) == "of")


def _value(item: Item) -> float:
    return float(item.says.removesuffix("th"))


def _within(value: float, limits: tuple[float, float]) -> bool:
    return limits[0] <= value <= limits[1]


def _is_clock(value: float) -> bool:
    """Return whether it is a time with its minutes; an hour alone is too little to be sure of."""
    return value == int(value) and 100 <= value <= _CLOCK[1] and value % 100 < _MINUTES  # a time of ISO 8601:2019
