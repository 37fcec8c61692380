"""Which laboratory results demand a look: flags, their own ranges, published critical limits, and doubt. Pure."""

from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum

from tests.measure.oracle import flags, ranges, signs
from tests.measure.oracle.analytes import ADULT_YEARS, ALBUMIN, analyte_of, beyond_limit, judged_by_limit
from tests.measure.oracle.resources import (
    LOINC,
    Part,
    Resource,
    ages,
    codes,
    number,
    ours,
    parts,
    span,
    texts,
    valued,
    withdrawn,
)


class Standing(IntEnum):
    """What can be said of a value for certain; what can't be said counts as `FINE`, so that no finding is false."""

    FINE = 0
    JUDGED = 1
    """Not in order, but a number that a limit judges: it is to be shown, and no document says how soon to look."""
    LOOK = 2
    CRITICAL = 3


CATEGORIES = frozenset(["laboratory", "lab", "labs"])
SECTIONS = frozenset(["BG", "BLB", "CH", "HM", "IMM", "LAB", "MB", "MCB", "MYC", "OSL", "SR", "TX", "VR"])
"""HL7 v2 table 0074, the sections of a laboratory."""
NO_RESULT = frozenset(["85354-9", "8462-4", "55284-4", "72514-3", "98137-3", "38208-5", "8302-2", "29463-7", "39156-5",
                       "8634-8", "8636-3", "8661-1"]) | frozenset().union(*signs.CODES.values())  # fmt: skip
"""LOINC of vital signs, pain, body measures, the QT interval and the complaint."""


@dataclass(frozen=True)
class Judged:
    """What a result demands; number, units and direction are those of the part that demands most."""

    observation: Resource
    standing: Standing
    rule: str
    number: float | None
    units: frozenset[str]
    direction: int
    """1: too high, -1: too low, 0: not known."""


def demands(patient: Resource | None, observations: list[Resource], at: datetime) -> list[Judged]:
    """Return the results of one stay that demand a look; a later number takes the place of an earlier one."""
    between = ages(patient, at)
    adult = between is not None and between[0] >= ADULT_YEARS
    child = between is not None and between[1] < ADULT_YEARS
    albumin = any(ALBUMIN & part.loinc for o in observations for part in parts(o))
    standing = [o for o in observations if is_result(o) and not withdrawn(o)]
    found = [judge(o, adult, child, albumin) for o in standing]
    return [j for j in found if j.standing > Standing.FINE and not any(_replaces(o, j) for o in standing)]


def is_result(observation: Resource) -> bool:
    """Return whether an Observation certainly is a result of a laboratory."""
    if ours(observation) or observation.get("focus"):
        return False
    if observation.get("hasMember") and not valued(observation) and not observation.get("component"):
        return False
    if observation.get("status") == "registered" and not valued(observation) and not flags.given(observation):
        return False
    categories = [c for c in observation.get("category") or () if isinstance(c, dict)]
    loinc = {code for system, code in codes(observation.get("code")) if system == LOINC}
    if any(_of_laboratory(category) for category in categories):
        return True
    if loinc & NO_RESULT or any("vital" in _category_text(category) for category in categories):
        return False
    if analyte_of(loinc) or any(flags.critical(flag) for flag in flags.given(observation)):
        return True
    carries = any(observation.get(element) for element in ("interpretation", "referenceRange", "specimen"))
    return not categories and carries


def _of_laboratory(category: Resource) -> bool:
    coded = category.get("coding") or ()
    sections = {c.get("code") for c in coded if "0074" in c.get("system", "")}
    words = {str(c.get("code", "")).lower() for c in coded} | {text.lower() for text in texts(category)}
    return bool(sections & SECTIONS or words & CATEGORIES)


def _category_text(category: Resource) -> str:
    return " ".join([*texts(category), *(str(c.get("code", "")) for c in category.get("coding") or ())]).lower()


def judge(observation: Resource, adult: bool, child: bool, albumin: bool) -> Judged:
    """Return how an Observation stands, by the part of it that demands most."""
    own = flags.given(observation)
    worst = Judged(observation, Standing.FINE, "", None, frozenset(), 0)
    for part in parts(observation):
        said = own if part.element is observation else own + flags.given(part.element)
        found = number(part.element)
        standing, rule, direction = _stands(observation, part, said, adult, albumin)
        if standing == Standing.LOOK and found and not child and judged_by_limit(part, found, direction):
            standing = Standing.JUDGED
        if standing > worst.standing:
            value, of = (found.value, found.units) if found else (None, frozenset[str]())
            worst = Judged(observation, standing, rule, value, of, direction)
    return worst


def _stands(
    observation: Resource, part: Part, said: list[str], adult: bool, albumin: bool
) -> tuple[Standing, str, int]:
    found = number(part.element)
    known, unread = ranges.read(part.element, found)
    outside = ranges.outside(found, known) if found else 0
    beyond = beyond_limit(part, found, albumin) if adult and found else 0
    abnormal = [flag for flag in said if not flags.normal(flag)]
    direction = beyond or next((way for flag in abnormal if (way := flags.direction(flag))), 0) or outside
    if any(flags.critical(flag) for flag in abnormal):
        return Standing.CRITICAL, "flagged as critical", direction
    if beyond:
        return Standing.CRITICAL, "beyond a critical limit", beyond
    if abnormal:
        return Standing.LOOK, f"flagged {abnormal[0]}", direction
    if said:  # as normal
        return Standing.FINE, "", 0
    if observation.get("modifierExtension"):
        return Standing.LOOK, "changed by a modifierExtension", 0
    if outside:
        return Standing.LOOK, "outside its range", outside
    in_order = found and known and not unread and ranges.inside(found, known)
    if in_order or flags.may_be_fine(part.element):
        return Standing.FINE, "", 0
    return Standing.LOOK, "number that nothing calls normal" if found else "can't be judged", 0


def _replaces(later: Resource, judged: Judged) -> bool:
    """Return whether another Observation has, or may have, a later number of the same test."""
    mine, its = span(judged.observation), span(later)
    if later is judged.observation or judged.number is None or mine is None or its is None or its[1] <= mine[0]:
        return False
    return any(number(part.element) for part in parts(later)) and same_test(later, judged.observation)


def same_test(one: Resource, other: Resource) -> bool:
    """Return whether two Observations are of one test: one code in common, or the same analyte."""
    first, second = codes(one.get("code")), codes(other.get("code"))
    names = [analyte_of(code for system, code in of if system == LOINC) for of in (first, second)]
    return bool(first & second) or (names[0] is not None and names[0] == names[1])


def named(observation: Resource) -> str:
    """Return the analyte, or else a code or the text of an Observation."""
    coded = codes(observation.get("code"))
    analyte = analyte_of(code for system, code in coded if system == LOINC)
    return analyte or min((code for _, code in coded), default="unnamed")
