"""Makes dictations by a seed, with their true numbers and drugs."""

import random
import re
from collections.abc import Callable
from dataclasses import dataclass

MARK = re.compile(r"\{([^{}|]+)(?:\|([^{}]+))?\}")
COMPLAINTS = (
    "crushing chest pain", "shortness of breath", "a severe headache", "abdominal pain", "dizziness and vomiting",
    "palpitations", "a swollen left leg", "confusion and fever", "a fall from a ladder", "pain in the right flank",
    "a productive cough", "weakness of the left arm",
)  # fmt: skip
DOSED = (
    ("metoprolol", ("47.5", "50", "100")), ("atorvastatin", ("10", "40", "80")), ("lisinopril", ("2.5", "15", "20")),
    ("amlodipine", ("5", "10")), ("metformin", ("500", "850", "1000")), ("furosemide", ("20", "40", "80")),
    ("apixaban", ("2.5", "5")), ("levothyroxine", ("50", "125")), ("prednisolone", ("5", "15", "50")),
    ("bisoprolol", ("1.25", "7.5")), ("ramipril", ("2.5", "5")), ("sertraline", ("50", "150")),
    ("carbamazepine", ("200", "400")), ("spironolactone", ("12.5", "25")), ("gabapentin", ("300", "600")),
    ("tamsulosin", ("0.4",)), ("digoxin", ("125", "250")), ("methotrexate", ("15", "2.5")),
)  # fmt: skip
MICROGRAMS = {"levothyroxine", "digoxin"}
"""Whose doses are in micrograms: a thousandth of what all others are in."""
GIVEN = (
    ("morphine", "{n} milligrams", ("2.5", "5", "10")), ("fentanyl", "{n} micrograms", ("25", "50", "100")),
    ("ondansetron", "{n} milligrams", ("4", "8")), ("aspirin", "{n} milligrams", ("300", "250")),
    ("ceftriaxone", "{n} grams", ("1", "2")), ("heparin", "{n} units", ("5000", "4000")),
    ("salbutamol", "{n} milligrams", ("2.5", "5")), ("lorazepam", "{n} milligrams", ("0.5", "1", "4")),
    ("ketorolac", "{n} milligrams", ("15", "30")), ("amiodarone", "{n} milligrams", ("150", "300")),
    ("labetalol", "{n} milligrams", ("15", "50")), ("vancomycin", "{n} grams", ("1", "1.5")),
)  # fmt: skip
ALIKE = (
    ("hydralazine", "hydroxyzine", ("25", "50")), ("prednisone", "prednisolone", ("5", "40")),
    ("glipizide", "glyburide", ("2.5", "5")), ("nifedipine", "nicardipine", ("30", "60")),
    ("bupropion", "buspirone", ("15", "150")), ("clonidine", "clonazepam", ("0.1", "0.5")),
    ("tramadol", "trazodone", ("50", "100")), ("lamotrigine", "levetiracetam", ("250", "500")),
)  # fmt: skip
DAILY = ("once daily", "twice a day", "every morning", "at night", "{8} hourly", "{3} times a day")
_SMALL = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
)
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"


@dataclass(frozen=True)
class Dictation:
    name: str
    text: str
    """With its numbers in digits."""
    said: str
    """As the voice is given it: some numbers in the words that people use."""
    numbers: tuple[str, ...]
    """In the order in which they are said."""
    drugs: tuple[str, ...]
    medications: tuple[str, ...]
    """What the chart lists: what is said to be taken, or for one of these a name that sounds alike."""


def made(seed: int) -> Dictation:
    """Return the dictation of that seed: a patient, vitals, what is taken and what was given."""
    dice = random.Random(seed)
    home = dice.sample(DOSED, 2)
    given = dice.choice(GIVEN)
    drugs, chart = [name for name, _ in home], [f"{name} tablet" for name, _ in home]
    takes = [_taken(dice, name, doses, name in MICROGRAMS) for name, doses in home]
    if seed % 2:
        one, other, doses = dice.choice(ALIKE)
        said, charted = (one, other) if dice.random() < 0.5 else (other, one)
        drugs.append(said)
        chart.append(f"{charted} tablet")
        takes.append(_taken(dice, said, doses, False))
    drugs.append(given[0])
    dose = given[1].replace("{n}", f"{{{dice.choice(given[2])}}}")
    parts = [
        f"{{{dice.randint(18, 96)}}} year old {dice.choice(('man', 'woman'))} with {dice.choice(COMPLAINTS)} "
        f"since {_since(dice)}.",
        _pressure(dice),
        *dice.sample([step(dice) for step in VITALS], 2),
        f"Takes {', and '.join(takes)}.",
        f"Given {given[0]} {dose} at {_clock(dice)}.",
    ]
    if dice.random() < 0.3:
        parts.append(dice.choice(LABS)(dice))
    text = " ".join(parts)
    numbers = tuple(number for match in MARK.finditer(text) for number in match[1].split())
    plain = MARK.sub(lambda match: match[1], text)
    return Dictation(f"d{seed:03}", plain, MARK.sub(lambda m: m[2] or m[1], text), numbers, tuple(drugs), tuple(chart))


def _taken(dice: random.Random, name: str, doses: tuple[str, ...], micrograms: bool) -> str:
    unit = "micrograms" if micrograms else "milligrams"
    return f"{name} {{{dice.choice(doses)}}} {unit} {dice.choice(DAILY)}"


def _since(dice: random.Random) -> str:
    days, hours, minutes = dice.randint(2, 15), dice.randint(2, 30), dice.choice((13, 15, 30, 40, 50))
    counted = (f"{{{days}}} days", f"{{{hours}}} hours", f"{{{minutes}}} minutes")
    return dice.choice((*counted, "yesterday", f"{_clock(dice)} today"))


def _clock(dice: random.Random) -> str:
    hour, minute = dice.randint(1, 12), dice.choice((10, 13, 15, 20, 30, 40, 45, 50))
    return f"{{{hour}{minute}|{_words(hour)} {_words(minute)}}}"


def _pressure(dice: random.Random) -> str:
    high, low = dice.randint(78, 225), dice.randint(38, 118)
    if high > 100 and high % 100 > 9 and dice.random() < 0.6:
        return f"Blood pressure {{{high}|{_people(high)}}} over {{{low}|{_words(low) if low < 100 else low}}}."
    return f"Blood pressure {{{high}}} over {{{low}}}."


def _temperature(dice: random.Random) -> str:
    return f"Temperature {{{dice.randint(34, 40)}.{dice.randint(1, 9)}}} degrees."


VITALS: tuple[Callable[[random.Random], str], ...] = (
    lambda dice: f"Heart rate {{{dice.randint(38, 168)}}}.",
    lambda dice: f"Oxygen saturation {{{dice.randint(79, 100)}}} percent on room air.",
    _temperature,
    lambda dice: f"Respiratory rate {{{dice.randint(8, 40)}}}.",
    lambda dice: f"Pain {{{dice.randint(2, 10)}}} out of {{10}}.",
)
LABS: tuple[Callable[[random.Random], str], ...] = (
    lambda dice: f"Glucose {{{dice.randint(2, 29)}.{dice.randint(1, 9)}}} millimoles per litre.",
    lambda dice: f"Potassium {{{dice.randint(2, 7)}.{dice.randint(1, 9)}}}.",
    lambda dice: f"Lactate {{{dice.randint(1, 9)}.{dice.randint(1, 9)}}}.",
    lambda dice: f"Haemoglobin {{{dice.randint(60, 170)}}} grams per litre.",
    lambda dice: f"Weight {{{dice.randint(41, 130)}}} kilograms.",
)


def _words(number: int) -> str:
    if number < 20:
        return _SMALL.split()[number]
    return _TENS.split()[number // 10 - 2] + (f" {_words(number % 10)}" if number % 10 else "")


def _people(number: int) -> str:
    """Return a number above 109 as it is said of a blood pressure: `one sixty`."""
    return f"{_SMALL.split()[number // 100]} {_words(number % 100)}"
