"""Numbers of a hearing that can hardly be right where they stand, so that a person has to type them."""

from collections.abc import Iterator, Sequence

from agents.dictation.dose_limits import DOSES, DOSES_OF
from agents.dictation.doses import IN_MICROGRAMS_ALONE
from agents.dictation.numbers import Item, Kind
from agents.dictation.places import RATES
from agents.dictation.words import LINKS, MEASURED, is_figure, says, vocabulary
from agents.physiology import PLAUSIBLE

_SPANS = vocabulary("minute hour day week month year")
_AGED = vocabulary("aged age")
_VOLUMES = vocabulary("ml l")
_WEIGHED = vocabulary("weight weighs weighing weighed born")
_OTHER_UNITS = vocabulary("creatinine haemoglobin hemoglobin troponin glucose sugar lactate crp weight score")
"""Results that come in several units, mostly told without: 180 is a glucose in mg/dL. They are marked, not judged."""
_FAHRENHEIT = vocabulary("fahrenheit f")
_NAMED_WITHIN = 3
"""Most items between a drug's name and its dose; our judgement: `penicillin slow release 500 mg` has two words."""


def stretches(items: Sequence[Item]) -> Iterator[tuple[int, int]]:
    """Yield the first and the last word of each such number, the last itself in it.

    Of the items those that are a known drug's name are of that kind.
    """
    for at, item in enumerate(items):
        if is_figure(items, at) and (_out_of_place(items, at) or _beyond_a_dose(items, at)):
            yield item.first, item.last


def _out_of_place(items: Sequence[Item], at: int) -> bool:
    value, limits = _value(items, at), _limits(items, at)
    return limits is not None and not limits[0] <= value <= limits[1]


def _limits(items: Sequence[Item], at: int) -> tuple[float, float] | None:
    """Return what the number can plausibly be by the words around it, or None where they do not tell."""
    if says(items, at + 1) in _VOLUMES:
        return None  # of a drip, whatever its rate and pressure are called
    if says(items, at - 1) in ("over", "on") and _of_pressure(items, at - 2):
        low, high = PLAUSIBLE["dbp"].limits
        return low, min(high, _value(items, at - 2) - 1)
    if _of_pressure(items, at):
        return PLAUSIBLE["sbp"].limits
    before = at - 1
    while says(items, before) in LINKS:
        before -= 1
    keyword = says(items, before)
    if keyword == "rate":
        return RATES.get(says(items, before - 1))
    fahrenheit = {says(items, at + 1), says(items, at + 2)} & _FAHRENHEIT
    if keyword in _OTHER_UNITS or fahrenheit or (keyword == "pressure" and says(items, before - 1) != "blood"):
        return None
    if keyword in _AGED or (says(items, at + 1), says(items, at + 2)) == ("year", "old"):
        return PLAUSIBLE["age"].limits
    return MEASURED.get(keyword)


def _of_pressure(items: Sequence[Item], at: int) -> bool:
    """Return whether two numbers of a blood pressure begin there: `160 over 95`, and not `2 over 3 days`."""
    both = is_figure(items, at) and is_figure(items, at + 2) and says(items, at + 1) in ("over", "on")
    return (
        both and says(items, at + 3) not in _SPANS and (says(items, at + 1) == "over" or _follows_pressure(items, at))
    )


def _follows_pressure(items: Sequence[Item], at: int) -> bool:
    before = at - 1
    while says(items, before) in LINKS:
        before -= 1
    return says(items, before) in ("pressure", "bp")


def _beyond_a_dose(items: Sequence[Item], at: int) -> bool:
    unit, value = says(items, at + 1), _value(items, at)
    before = items[max(at - _NAMED_WITHIN, 0) : at]
    if unit not in DOSES or says(items, at + 2) == "per" or any(i.says in _WEIGHED | MEASURED.keys() for i in before):
        return False  # a result of the laboratory, or a weight
    name = at + 3 if says(items, at + 2) == "of" else at + 2
    named = [*reversed(before), *items[name : name + 1]]
    drug = next((item.says for item in named if item.kind == Kind.DRUG), "")
    if unit == "mg" and value >= 1 and drug in IN_MICROGRAMS_ALONE:
        return True
    own = DOSES_OF.get((drug, unit), DOSES[unit])
    return not (DOSES[unit].holds(value) and own.holds(value))


def _value(items: Sequence[Item], at: int) -> float:
    return float(items[at].says.removesuffix("th"))
