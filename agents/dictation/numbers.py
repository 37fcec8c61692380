"""Reads what was heard as numbers and their units, so that `forty milligrams` and `40 mg` are the same."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

_PIECE = re.compile(r"\d+(?:st|nd|rd|th)\b|\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?::\d\d)+|\d*\.\d+|\d+|[^\W\d_]+|%|°")
_SMALL = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
    "seventeen eighteen nineteen"
)
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
_VALUES = {word: n for n, word in enumerate(_SMALL.split())} | {word: 10 * n for n, word in enumerate(_TENS.split(), 2)}
_SCALES = {"hundred": 100, "thousand": 1000, "million": 1_000_000}
_ORDINALS = ["first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth"]
# How many or how often, in words that are no digits in any hearing.
_AMOUNTS = {"half", "quarter", "once", "twice", "thrice", "double", "single", "both", "dozen", "couple", "over"}
_MEASURES = {
    "mg": "mg milligram milligrams milligramme milligrammes",
    "mcg": "mcg µg ug microgram micrograms microgramme microgrammes",
    "g": "g gram grams gramme grammes",
    "kg": "kg kilo kilos kilogram kilograms",
    "ml": "ml mls millilitre millilitres milliliter milliliters",
    "l": "l litre litres liter liters",
    "mmol": "mmol millimole millimoles millimol",
    "unit": "unit units",
    "%": "% percent",
    "degree": "° degree degrees",
    "tablet": "tablet tablets",
    "puff": "puff puffs",
    "drop": "drop drops",
    "second": "seconds secs",
    "minute": "minute minutes mins",
    "hour": "hour hours hourly",
    "day": "day days daily",
    "week": "week weeks weekly",
    "month": "month months monthly",
    "year": "year years yearly",
    "am": "am",
    "pm": "pm",
}
_UNIT_OF = {name: unit for unit, names in _MEASURES.items() for name in names.split()}


_BEFORE_A_TIME = frozenset({"at", "since", "from", "until", "till"})


class Kind(StrEnum):
    NUMBER = "number"
    UNIT = "unit"
    DRUG = "drug name"
    WORD = "word"


@dataclass(frozen=True)
class Item:
    """What a stretch of words says. Two hearings say the same where kind and `says` are equal."""

    kind: Kind
    says: str
    first: int
    """Index of its first word."""
    last: int
    """Index of its last word, itself in it."""
    ends: str = ""
    """The comma, full stop or other such mark that is written after it."""


@dataclass(frozen=True)
class _Piece:
    text: str
    first: int
    """Index of the word that it begins in."""
    last: int
    joined: bool
    """Whether nothing but spaces or a hyphen is between it and the piece before."""
    hyphen: bool = False


def read(words: Sequence[str]) -> list[Item]:
    """Return numbers, units and words in the order of the words, which may hold several or share one."""
    pieces, items, at = _pieces(words), list[Item](), 0
    while at < len(pieces):
        end, said = _number(pieces, at)
        if end == at:
            end, said = at + 1, None
        text = pieces[at].text
        if said is not None:
            kind = Kind.NUMBER
        elif text in _UNIT_OF:
            kind, said = Kind.UNIT, _UNIT_OF[text]
        else:
            kind, said = Kind.NUMBER if text in _AMOUNTS else Kind.WORD, text
        last = pieces[end - 1].last
        mark = words[last][-1:] if end == len(pieces) or pieces[end].first > last else ""
        ends = mark if mark in (*",.;:?!",) else ""
        items.append(Item(kind, said, pieces[at].first, last, ends))
        at = end
    return items


def _pieces(words: Sequence[str]) -> list[_Piece]:
    found: list[_Piece] = []
    for index, word in enumerate(words):
        whole: _Piece | None = None
        if found and found[-1].text.isdigit() and re.match(r"\.\d", word) and words[index - 1][-1:].isdigit():
            whole = found.pop()  # some servers take `35.4` for two words
        text = (
            f"{whole.text if whole else ''}{word}".lower()
            .replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")
            .replace("'s", "")
        )
        text = re.sub(r"\b([ap])\.m\b\.?", r"\1m", text)
        clean = not found or bool(re.search(r"[\w%°-]$", words[index - 1]))
        end = 0
        for match in _PIECE.finditer(text):
            between = text[end : match.start()]
            joined = clean if end == 0 and not between else between in ("", "-")
            spelled = "over" if between == "/" and match[0][0].isdigit() and found else ""
            if spelled:
                found.append(_Piece(spelled, index, index, True))
            first, joined = (whole.first, whole.joined) if whole and not end else (index, joined)
            found.append(_Piece(match[0], first, index, joined, between == "-"))
            end = match.end()
    return found


def _number(pieces: Sequence[_Piece], at: int) -> tuple[int, str | None]:
    """Return where the number that begins at a piece ends, and what it says; `at` where there is none."""
    text = pieces[at].text
    if text[0].isdigit() or text[0] == ".":
        return _digits(pieces, at)
    if text in _ORDINALS and text != "second":
        return at + 1, f"{_ORDINALS.index(text) + 1}th"
    end, said = _spelled(pieces, at)
    if _says(pieces, end, "point"):
        after, fraction = end + 1, ""
        while after < len(pieces) and pieces[after].joined and _VALUES.get(pieces[after].text, 10) < 10:
            fraction += str(_VALUES[pieces[after].text])
            after += 1
        if fraction:
            return after, _plain(f"{said or 0}.{fraction}")
    return end, said


def _digits(pieces: Sequence[_Piece], at: int) -> tuple[int, str]:
    text = pieces[at].text
    if at and pieces[at - 1].text in _BEFORE_A_TIME and re.fullmatch(r"\d{1,2}\.[0-5]\d", text):
        return at + 1, _plain(text.replace(".", ""))
    if at and pieces[at - 1].text in _BEFORE_A_TIME and re.fullmatch(r"\d{1,2}", text) and _minutes(pieces, at + 1):
        return at + 2, _plain(text + pieces[at + 1].text)
    if text[-1].isalpha():
        return at + 1, f"{text[:-2]}th"
    said = text.replace(",", "").replace(":", "")
    if "." not in said and _says(pieces, at + 1, "point") and at + 2 < len(pieces) and pieces[at + 2].text.isdigit():
        return at + 3, _plain(f"{said}.{pieces[at + 2].text}")
    scale = _SCALES.get(pieces[at + 1].text) if at + 1 < len(pieces) and pieces[at + 1].joined else None
    if scale and "." not in said:
        return at + 2, str(int(said) * scale)
    return at + 1, _plain(said)


def _spelled(pieces: Sequence[_Piece], at: int) -> tuple[int, str | None]:
    """Read words: `forty five`, `one hundred and five`, and as people say it `one sixty`, `one oh five`."""
    groups, thousands, end = list[int](), 0, at
    while end < len(pieces) and (end == at or pieces[end].joined):
        text = pieces[end].text
        value = _VALUES.get(text)
        scaled = bool(thousands and not groups) or bool(groups and groups[-1] and groups[-1] % 100 == 0)
        if text == "oh" and groups and _says_digit(pieces, end + 1):
            groups.append(0)
        elif text == "hundred" and groups:
            groups[-1] *= 100
        elif text in _SCALES and groups:
            thousands, groups = thousands + _joined(groups) * _SCALES[text], []
        elif text == "and" and scaled and end + 1 < len(pieces) and pieces[end + 1].text in _VALUES:
            pass
        elif value is None:
            break
        elif groups and (scaled or (value < 10 and groups[-1] % 100 >= 20 and groups[-1] % 10 == 0)):
            groups[-1] += value
        else:
            groups.append(value)
        end += 1
    return end, str(thousands + _joined(groups)) if end > at else None


def _joined(groups: Sequence[int]) -> int:
    return int("".join(map(str, groups)) or "0")


def _minutes(pieces: Sequence[_Piece], at: int) -> bool:
    """Return whether a time goes on there, as in `12-10`."""
    return at < len(pieces) and pieces[at].hyphen and bool(re.fullmatch(r"[0-5]\d", pieces[at].text))


def _says(pieces: Sequence[_Piece], at: int, text: str) -> bool:
    return at < len(pieces) and pieces[at].text == text


def _says_digit(pieces: Sequence[_Piece], at: int) -> bool:
    return at < len(pieces) and _VALUES.get(pieces[at].text, 10) < 10


def _plain(digits: str) -> str:
    whole, _, fraction = digits.partition(".")
    fraction = fraction.rstrip("0")
    return (whole.lstrip("0") or "0") + (f".{fraction}" if fraction else "")
