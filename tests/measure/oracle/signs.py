"""Vital signs as they were charted: the newest value of each, and its points. Pure."""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from tests.measure.oracle.resources import (
    ASIDE,
    LOINC,
    Number,
    Part,
    Resource,
    codes,
    number,
    parts,
    span,
    texts,
    withdrawn,
)

CODES = {
    "hr": {"8867-4", "8889-8", "8893-0", "68999-2", "69000-8", "69001-6"},
    "rr": {"9279-1"},
    "spo2": {"59408-5", "2708-6", "59410-1"},
    "sbp": {"8480-6", "8459-0", "8460-8", "8461-6"},
    "temp": {"8310-5", "8331-1", "8332-9", "8328-7", "8333-7"},
    "flow": {"3151-8"},
    "fio2": {"3150-6", "19994-3"},
    "gcs": {"9269-2"},
    "avpu": {"67775-7", "80288-4"},
}
"""LOINC 2.77: the general code of each, and codes of a site, a posture or a way of measuring."""
UNITS = {
    "hr": {"/min", "{beats}/min", "beats/minute", "beats/min", "bpm", "1/min", "{beats}/minute"},
    "rr": {"/min", "{breaths}/min", "breaths/minute", "breaths/min", "1/min"},
    "spo2": {"%"},
    "sbp": {"mm[hg]", "mmhg", "mm hg"},
    "temp": {"cel", "c", "°c", "degc", "degrees c"},
    "flow": {"l/min", "liters/min", "litres/min"},
    "fio2": {"%"},
    "gcs": {"1", "{score}", "score", "{#}"},
}
FAHRENHEIT = {"[degf]", "degf", "f", "°f"}
POSSIBLE = {
    "hr": (10, 300), "rr": (1, 90), "spo2": (40, 100), "sbp": (30, 300), "temp": (25, 45), "flow": (0, 100),
    "fio2": (15, 100), "gcs": (3, 15),
}  # fmt: skip
"""Our judgement: outside it a value may be a mistake, and the oracle says nothing of it."""
BANDS = {  # Royal College of Physicians, National Early Warning Score (NEWS) 2, 2017, chart 1, SpO2 scale 1
    "rr": ((8, 3), (11, 1), (20, 0), (24, 2), (math.inf, 3)),
    "spo2": ((91, 3), (93, 2), (95, 1), (math.inf, 0)),
    "sbp": ((90, 3), (100, 2), (110, 1), (219, 0), (math.inf, 3)),
    "hr": ((40, 3), (50, 1), (90, 0), (110, 1), (130, 2), (math.inf, 3)),
    "temp": ((35.0, 3), (36.0, 1), (38.0, 0), (39.0, 1), (math.inf, 2)),
}
"""The greatest value of each band, and its points."""
RESPONSIVENESS = {
    0: {"a", "alert", "mentally alert", "awake", "awake and alert", "alert and oriented", "conscious"},
    1: {
        *("v", "voice", "verbal", "responds to voice", "responsive to voice", "drowsy", "disoriented"),
        *("c", "confused", "confusion", "new confusion", "acute confusion", "agitated or confused"),
        "new onset of agitation and confusion",
    },
    2: {
        *("p", "pain", "responds to pain", "responsive to pain"),
        *("u", "unresponsive", "unconscious", "comatose", "does not respond", "no response"),
    },
}
"""By depth: 0 alert, 1 voice or confusion, 2 pain or unresponsive; in words whose meaning nobody doubts."""
SNOMED = {"248234008": 0, "300202002": 1, "130987000": 1, "450847001": 2, "422768004": 2}
LETTER = re.compile(r"([acvpu]) *[-:(] *(.+?)\)?")
AHEAD = timedelta(minutes=10)
"""A moment further ahead is a mistake (docs/bad-input.md)."""
ALERT = 0
SCALE_CHOICE = frozenset(["1104321000000108", "1104311000000102"])
"""SNOMED CT UK: sub-scores of NEWS2 on one of its two scales of SpO2 (docs/triage.md)."""


@dataclass(frozen=True)
class Sign:
    """The newest value of one vital sign that is certain."""

    key: str
    observation: Resource
    value: float
    """Of responsiveness the depth: 0 alert, 1 voice or confusion, 2 pain or unresponsive."""


def newest(observations: list[Resource], at: datetime) -> dict[str, Sign | None]:
    """Return the newest value of each vital sign that is charted; None where it can't be read, or is not certain.

    Of several at what may be one moment, or without a moment, the one that demands least counts.
    """
    seen: dict[str, list[tuple[tuple[datetime, datetime] | None, Sign | None]]] = {}
    for observation in observations:
        if withdrawn(observation) or any(observation.get(element) for element in ASIDE):
            continue
        when = span(observation)
        for part in parts(observation):
            for key in keys(part):
                value = read(key, part)
                ahead = when is not None and when[0] > at + AHEAD
                sign = None if value is None or ahead else Sign(key, observation, value)
                seen.setdefault(key, []).append((when, sign))
    found: dict[str, Sign | None] = {}
    for key, values in seen.items():
        unknown = any(when is None for when, _ in values)
        newest_of = max((when[0] for when, _ in values if when), default=at)
        candidates = [sign for when, sign in values if unknown or (when and when[1] >= newest_of)]
        certain = [sign for sign in candidates if sign is not None]
        found[key] = min(certain, key=severity) if len(certain) == len(candidates) else None
    return found


def scale_chosen(observations: list[Resource]) -> bool:
    """Return whether somebody may have chosen scale 2 of SpO2: the oracle then claims nothing of SpO2."""
    coded = {code for o in observations for _, code in codes(o.get("code"))}
    named = [text.lower() for o in observations for text in texts(o.get("code"))]
    return bool(coded & SCALE_CHOICE) or any("spo2" in text and "scale" in text for text in named)


def keys(part: Part) -> Iterator[str]:
    yield from (key for key, of_key in CODES.items() if part.loinc & of_key)


def read(key: str, part: Part) -> float | None:
    """Return the value in the unit of `BANDS`, or the depth of responsiveness; None where it is not plain."""
    if key == "avpu":
        return depth(part.element)
    found = number(part.element)
    if found is None or found.comparator:
        return None
    value = _in_our_unit(key, found)
    low, high = POSSIBLE[key]
    return value if value is not None and low <= value <= high else None


def _in_our_unit(key: str, found: Number) -> float | None:
    if key == "temp" and found.units and found.units <= FAHRENHEIT:
        return (found.value - 32) / 1.8
    return found.value if found.units <= UNITS[key] else None


def depth(element: Resource) -> float | None:
    """Return how deep; of a text and a code the deeper; None where nothing says so for certain."""
    concept = element.get("valueCodeableConcept") or {}
    words = [*texts(concept), *([element["valueString"]] if isinstance(element.get("valueString"), str) else [])]
    found = [_depth_of(word) for word in words]
    found += [SNOMED.get(code) for system, code in codes(concept) if system not in (LOINC, "text")]
    deepest = max((one for one in found if one is not None), default=ALERT)
    return float(deepest) if found and (deepest > ALERT or None not in found) else None


def _depth_of(word: str) -> int | None:
    plain = re.sub(r"\((finding|observable entity)\)|x ?[34]$", "", word.strip().lower()).strip()
    if lettered := LETTER.fullmatch(plain):
        plain = lettered[2]
    return next((deep for deep, known in RESPONSIVENESS.items() if plain in known), None)


def points(key: str, value: float) -> int:
    """Return the NEWS2 points of a value; between two bands the fewer."""
    if key not in BANDS:
        return 0
    steps = 10 if key == "temp" else 1
    near = {math.floor(round(value * steps, 6)) / steps, math.ceil(round(value * steps, 6)) / steps}
    return min(next(given for greatest, given in BANDS[key] if one <= greatest) for one in near)


def severity(sign: Sign) -> float:
    """Return a number that grows with how much a value demands, within one vital sign."""
    if sign.key in ("avpu", "flow", "fio2"):
        return sign.value
    return -sign.value if sign.key == "gcs" else points(sign.key, sign.value) + sign.value / 1000
