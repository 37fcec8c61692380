"""Drugs, doses and how often: what of them can't be trusted, though both hearings have it.

A dose without its drug, a drug without its dose, an amount without its unit, and a word where another should stand.
"""

from collections.abc import Iterator, Sequence

from agents.dictation.dose_limits import MOST_GRAMS
from agents.dictation.numbers import Item, Kind
from agents.dictation.words import (
    DOSES,
    GIVEN,
    LIKE_DIGITS,
    MEASURED,
    NOT_TAKEN,
    doubted,
    ends_a_sentence,
    is_figure,
    kind,
    says,
    vocabulary,
)
from contracts.dictation import Doubt

_STRENGTHS = DOSES - {"ml", "mmol"} | {"unit"}
"""Units that only a drug's dose has: fluids and results are in the others."""
_AS_FAR = 16
"""Most items between `takes` and a drug's name; our judgement: three drugs with dose and how often."""
_AFTER_A_NAME = vocabulary("and or but for since who which she he they")
"""Words that can follow a drug's name that is told without a dose."""
_BEFORE_A_DOSE = vocabulary(
    "oral iv intravenous im sc po tablet tablets inhaled nebulised nebulized slow release bolus infusion"
)
"""Words that can stand between a drug's name and its dose."""
_AFTER_A_DOSE = vocabulary(
    "a an and as at before after by daily every for from given if im in intravenously iv nightly now nocte of on or "
    "oral orally per po prn since so stat takes taken that the then to today together was when with but he she i they"
)
"""Words that can follow `40 milligrams`; units and numbers can, too."""
_AFTER_AT = vocabulary(
    "night bedtime noon midday midnight home breakfast lunch dinner teatime the about around this that triage "
    "most least rest birth presentation arrival"
)
_AFTER_ONCE = vocabulary("a at every in per nightly weekly only more again")
_PERIODS = vocabulary("night fortnight")
IN_MICROGRAMS_ALONE = vocabulary("levothyroxine digoxin fentanyl remifentanil sufentanil")
_IN_MICROGRAMS = IN_MICROGRAMS_ALONE | vocabulary(
    "clonidine tamsulosin salbutamol albuterol ipratropium tiotropium salmeterol formoterol fluticasone budesonide "
    "beclometasone adrenaline epinephrine noradrenaline norepinephrine phenylephrine dexmedetomidine atropine "
    "glycopyrronium octreotide desmopressin misoprostol buprenorphine naloxone nitroglycerin glyceryl trinitrate "
    "alfentanil hyoscine colchicine folic vitamin cyanocobalamin hydroxocobalamin cholecalciferol"
)
"""Drugs whose doses are given in micrograms, always or also: our judgement, from how they are usually prescribed. One
that is missing here costs a mark and no more."""
_FLUIDS = vocabulary(
    "saline chloride alcohol fluid fluids water blood urine crystalloid hartmann hartmanns ringer ringers plasma "
    "dextrose bolus oral litre drained aspirated output lost syrup suspension solution"
)
"""Words beside an amount that is no drug's dose."""
_HOW_OFTEN = vocabulary("times hour day week month")
_VOLUMES = vocabulary("decilitre deciliter dl")


def suspects(items: Sequence[Item]) -> Iterator[Doubt]:
    """Yield what a person must check though it was heard twice."""
    for at, item in enumerate(items):
        if is_figure(items, at):
            yield from _of_a_number(items, at)
        elif item.kind == Kind.DRUG and _lacks_its_dose(items, at):
            yield doubted(items, at, unclear_until(items, at, _AFTER_A_DOSE - LIKE_DIGITS))
        elif item.says == "a" and is_figure(items, at - 1) and kind(items, at + 1) == Kind.UNIT:
            yield doubted(items, at - 1, at + 1)
        elif item.kind == Kind.WORD and _instead_of_how_often(items, at):
            yield doubted(items, at, at + (item.says == "a"))
        elif item.says == "per" and _half_of_a_concentration(items, at):
            yield doubted(items, at - 1, at + 1)
        elif item.says in ("times", "once", "twice", "thrice") and _lacks_its_period(items, at):
            yield doubted(items, at, at + 2)
        elif item.says == "at" and _lacks_its_time(items, at):
            yield doubted(items, at, at + 1)


def unclear_until(items: Sequence[Item], at: int, clear: frozenset[str] = _AFTER_A_DOSE) -> int:
    """Return the last item of the unknown words that go with one: its unit and how often, both misheard."""
    end = at
    while kind(items, end + 1) == Kind.WORD and says(items, end + 1) not in clear and end < at + 3:
        end += 1
    return end


def _of_a_number(items: Sequence[Item], at: int) -> Iterator[Doubt]:
    if says(items, at + 1) in _STRENGTHS and (named := _instead_of_a_drug(items, at)) is not None:
        yield doubted(items, named, at + 1, f"{Kind.NUMBER} and {Kind.DRUG}")
    if _of_another_size(items, at):
        yield doubted(items, at, at + 1)
    if says(items, at - 1) == "weight" and kind(items, at + 1) != Kind.UNIT:
        yield doubted(items, at, at)  # kilograms or pounds: doses are counted by it


def _instead_of_a_drug(items: Sequence[Item], at: int) -> int | None:
    """Return where that begins which a dose is of, where it is no drug's name, or None."""
    before = at - 1
    while before > 0 and says(items, before) in _BEFORE_A_DOSE:
        before -= 1
    if before < 0 or kind(items, before) in (Kind.DRUG, Kind.UNIT) or says(items, before) in MEASURED:
        return None
    if says(items, before) == "at" and kind(items, before - 1) == Kind.UNIT:
        return None  # a time, which has no unit: it is out of place
    if says(items, at + 2) == "of" and says(items, at + 3) in _FLUIDS:
        return None
    name = at + 3 if says(items, at + 2) == "of" else at + 2
    if kind(items, name) == Kind.DRUG and _dose_comes_first(items, name):
        return None
    begins = before
    while begins > max(before - 2, 0) and says(items, begins - 1) not in GIVEN | {"and"}:
        begins -= 1
    return begins


def _of_another_size(items: Sequence[Item], at: int) -> bool:
    """Return whether a drug is not given in such a unit: a thousandth or thousandfold, or a volume."""
    name = next((before.says for before in reversed(items[max(at - 3, 0) : at]) if before.kind == Kind.DRUG), "")
    amount, unit = float(items[at].says.removesuffix("th")), says(items, at + 1)
    if unit == "ml":
        return not any(item.says in _FLUIDS for item in items[max(at - 3, 0) : at + 4])
    if unit == "mcg":
        return bool(name) and name not in _IN_MICROGRAMS
    if unit == "mg":
        return name in IN_MICROGRAMS_ALONE and amount >= 1
    return unit == "g" and bool(name) and amount > MOST_GRAMS


def _dose_comes_first(items: Sequence[Item], at: int) -> bool:
    """Return whether a drug's dose is told before its name: `5 mg of morphine`, `given 5 mg morphine`."""
    of = says(items, at - 1) == "of"
    unit = at - 2 if of else at - 1
    return says(items, unit) in _STRENGTHS and (of or says(items, unit - 2) in GIVEN)


def _lacks_its_dose(items: Sequence[Item], at: int) -> bool:
    """Return whether no dose is told of a drug that is given, or of one of whose taking more than its name is told."""
    after = at + 1
    while says(items, after) in _BEFORE_A_DOSE:
        after += 1
    if is_figure(items, after) and says(items, after + 1) not in _HOW_OFTEN:
        return False
    if _dose_comes_first(items, at):
        return False
    for before in reversed(items[max(at - _AS_FAR, 0) : at]):
        if before.says in NOT_TAKEN:
            return False
        if before.says in ("give", "given"):
            return True
        if before.says in GIVEN and (before.says != "on" or before is items[at - 1]):
            alone = ends_a_sentence(items, at) or kind(items, at + 1) in (None, Kind.DRUG)
            return not alone and says(items, at + 1) not in _AFTER_A_NAME
    return False


def _instead_of_how_often(items: Sequence[Item], at: int) -> bool:
    """Return whether a word after a dose is none that can stand there: `8 hourly` is heard as `a towerly`."""
    after_a_dose = says(items, at - 1) in DOSES and kind(items, at - 2) == Kind.NUMBER
    if not after_a_dose or ends_a_sentence(items, at - 1):
        return False
    if items[at].says == "a":
        return kind(items, at + 1) == Kind.WORD or says(items, at + 1) == "hour"
    return items[at].says not in _AFTER_A_DOSE


def _lacks_its_period(items: Sequence[Item], at: int) -> bool:
    """Return whether a period is missing after `3 times a`, or after a dose and `once`."""
    after = says(items, at + 1)
    if after == "a":
        return kind(items, at + 2) != Kind.UNIT and says(items, at + 2) not in _PERIODS
    of_a_dose = items[at].says == "once" and says(items, at - 1) in _STRENGTHS
    return of_a_dose and kind(items, at + 1) != Kind.UNIT and after not in _AFTER_ONCE


def _lacks_its_time(items: Sequence[Item], at: int) -> bool:
    """Return whether no time follows `at` and a number right before, with its unit or a word that stands for that."""
    timed = kind(items, at + 1) == Kind.NUMBER or says(items, at + 1) in _AFTER_AT
    return is_figure(items, at - 2) and not timed


def _half_of_a_concentration(items: Sequence[Item], at: int) -> bool:
    """Return whether one of two units is missing around `per`."""
    after = kind(items, at + 1) == Kind.UNIT or says(items, at + 1) in _VOLUMES
    if kind(items, at - 1) == Kind.UNIT:
        return not after
    return says(items, at + 1) in _VOLUMES | {"l", "ml", "kg"}
