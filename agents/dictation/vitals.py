"""Vital signs as they are said, typed and written: their names, units, codes, and what they can be."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from agents import codes
from agents.dictation.context import NOW
from agents.dictation.numbers import Item, Kind
from agents.physiology import PLAUSIBLE, POSSIBLE, Range, celsius

Phrase = tuple[str, ...]


@dataclass(frozen=True)
class Vital:
    label: str
    shown: str
    """Its unit, for people."""
    unit: str
    """The same in UCUM."""
    loinc: str
    ranges: tuple[str, ...]
    """Keys of `agents.physiology` of each of its numbers."""
    said: tuple[Phrase, ...]
    """How it is called; longer names first."""
    after: tuple[Phrase, ...] = ()
    """What may follow its number and belongs to it."""


def _phrases(text: str) -> tuple[Phrase, ...]:
    return tuple(tuple(phrase.split()) for phrase in text.split(", "))


VITALS = {
    "bp": Vital(
        "Blood pressure", "mmHg", codes.MMHG, codes.BLOOD_PRESSURE, ("sbp", "dbp"),
        _phrases("blood pressure, bp, b p, pressure"),
        _phrases("millimeters of mercury, millimetres of mercury, mm hg, mmhg"),
    ),
    "hr": Vital(
        "Heart rate", "/min", codes.PER_MINUTE, codes.HEART_RATE, ("hr",),
        _phrases("heart rate, pulse rate, pulse, hr"),
        _phrases("beats per minute, beats a minute, per minute, a minute, bpm"),
    ),
    "rr": Vital(
        "Respiratory rate", "/min", codes.PER_MINUTE, codes.RESPIRATORY_RATE, ("rr",),
        _phrases("respiratory rate, respiration rate, breathing rate, resp rate, respirations, rr"),
        _phrases("breaths per minute, breaths a minute, per minute, a minute"),
    ),
    "spo2": Vital(
        "Oxygen saturation", "%", codes.PERCENT, codes.PULSE_OXIMETRY, ("spo2",),
        _phrases("oxygen saturation, oxygen saturations, oxygen sats, oxygen sat, o 2 saturation, o 2 sats, o 2 sat, "
                 "spo 2, saturation, saturations, sats, sat"),
        _phrases("%"),
    ),
    "temp": Vital(
        "Temperature", "°C", codes.CELSIUS, codes.BODY_TEMPERATURE, ("temp_c",),
        _phrases("body temperature, temperature, temp"),
        _phrases("degree celsius, degree centigrade, degree c, degree, celsius, centigrade, c"),
    ),
    "pain": Vital(
        "Pain", "of 10", codes.SCORE, codes.PAIN, ("pain_nrs",),
        _phrases("pain score, pain level, pain scale, pain"),
    ),
}  # fmt: skip
NOW_WITHIN = 8  # our judgement: items from a value to the "now" that takes it back, as in "this morning, and is now"
_LINKS = frozenset(("is", "was", "of", "at", "reads", "reading", "measured", "now", "are", "were", "currently"))
_OUT_OF_TEN = (("out", "of", "10"), ("over", "10"), ("of", "10"))
_FAHRENHEIT = (("degree", "fahrenheit"), ("degree", "f"), ("fahrenheit",), ("f",))
_TYPED = re.compile(r"\s*(\d{1,3}(?:[.,]\d+)?)(?:\s*(?:/|over)\s*(\d{1,3}))?(?![\d.,]*\d)")


@dataclass(frozen=True)
class Said:
    """A vital sign among items `start` to `end`, `end` not in it."""

    vital: str
    text: str
    start: int
    end: int
    possible: bool
    """Whether it can be at all."""
    plausible: bool
    """Whether it can be, and be believed without being typed."""
    again: bool = False
    """Whether the same sentence goes on with how it is now."""


def said(items: Sequence[Item]) -> Iterator[Said]:
    """Yield the vital signs that the items name with a number, in their order."""
    at = 0
    while at < len(items):
        found = next((one for vital in VITALS if (one := _said(items, at, vital))), None)
        if found:
            now = _said_of_now(items, found)
            yield replace(found, again=now is not None)
            if now:
                yield now
                found = now
        at = found.end if found else at + 1


def value(vital: str, text: str) -> tuple[float, ...] | None:
    """Return the number of a vital sign as typed, two of a blood pressure; None where it is none that can be."""
    match = _TYPED.match(text)
    if match is None:
        return None
    upper, lower = match.groups()
    if vital == "pain" and lower == "10":
        lower = None
    if (lower is not None) != (vital == "bp"):
        return None
    found = tuple(float(part.replace(",", ".")) for part in (upper, lower) if part)
    falls = len(found) < 2 or found[0] > found[1]
    return found if falls and _within(POSSIBLE, vital, found) else None


def _within(ranges: Mapping[str, Range], vital: str, measured: tuple[float, ...]) -> bool:
    """Return whether each number of a vital sign lies in its range."""
    return all(ranges[key].holds(number) for key, number in zip(VITALS[vital].ranges, measured, strict=True))


def _said_of_now(items: Sequence[Item], before: Said) -> Said | None:
    """Return the same vital sign where the sentence goes on with "now" and another number."""
    for at in range(before.end, min(before.end + NOW_WITHIN, len(items))):
        if items[at].says in NOW:
            return _measured(items, at, at + 1, before.vital, named_by=2)
        if _after(items, at, [name for vital in VITALS.values() for name in vital.said]) > at:
            return None
    return None


def _said(items: Sequence[Item], at: int, vital: str) -> Said | None:
    named = _after(items, at, VITALS[vital].said)
    return None if named == at else _measured(items, at, named, vital, named_by=named - at)


def _measured(items: Sequence[Item], at: int, named: int, vital: str, named_by: int) -> Said | None:
    """Return the vital sign whose number follows; `at` is where its words begin, `named` where its name ends."""
    begun = named
    while begun < len(items) and items[begun].says in _LINKS:
        begun += 1
    number = _number(items, begun)
    if number is None:
        return None
    end, text = begun + 1, number
    if vital == "bp":
        lower = _number(items, end + 1) if end < len(items) and items[end].says in ("over", "on") else None
        if lower is None:
            return None
        end, text = end + 2, f"{number}/{lower}"
    if vital == "pain":
        after = _after(items, end, _OUT_OF_TEN)
        if after == end and named_by == 1:  # "pain 3 days": only a scale makes it a score
            return None
        end = after
    if vital == "temp" and _after(items, end, _FAHRENHEIT) > end:
        end, text = _after(items, end, _FAHRENHEIT), f"{celsius(float(number)):.1f}"
    end = _after(items, end, VITALS[vital].after)
    measured = value(vital, text)
    return Said(
        vital, text, at, end, measured is not None, measured is not None and _within(PLAUSIBLE, vital, measured)
    )


def _number(items: Sequence[Item], at: int) -> str | None:
    """Return the digits at that place, or None."""
    if at >= len(items) or items[at].kind != Kind.NUMBER:
        return None
    says = items[at].says
    return says if says.replace(".", "", 1).isdigit() else None


def _after(items: Sequence[Item], at: int, phrases: Sequence[Phrase]) -> int:
    """Return where the first of the phrases that stands there ends, or the same place."""
    says = tuple(item.says for item in items[at : at + 4])
    return next((at + len(phrase) for phrase in phrases if says[: len(phrase)] == phrase), at)
