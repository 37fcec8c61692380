"""Which values only repeat what a person has accepted, so that they do not ask again (I17); pure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from contracts.charts import Attention, ChartFacts, Fact


@dataclass(frozen=True)
class Tolerance:
    """How alike a value must be to one that was accepted."""

    share: float
    """Of the accepted value, by which it may differ."""
    within: timedelta
    """How long after the accepted value it may have been taken."""


Worse = Callable[[str, float, float], bool]
"""Whether the first number of that key is worse than the second."""


def is_repeat(
    item: Attention, facts: ChartFacts, accepted: Sequence[ChartFacts], tolerance: Tolerance, worse: Worse
) -> bool:
    """Return whether all that a resource says repeats what accepted suggestions showed.

    A repeat is a resource of its own, of the same key, not worse, within the tolerance. A new version of a resource is
    a correction, and no repeat; nor is anything of an unknown moment.
    """
    told = [fact for fact in facts.facts if item.resource and fact.resource == item.resource]
    before = [fact for one in accepted for fact in one.facts]
    numbers = [fact for fact in told if fact.number is not None]
    repeated = all(any(_repeats(fact, old, tolerance, worse) for old in before) for fact in numbers)
    others = (fact for fact in told if fact.number is None)
    return bool(told) and repeated and all(_says_again(fact, bool(numbers), before, tolerance) for fact in others)


def _repeats(fact: Fact, old: Fact, tolerance: Tolerance, worse: Worse) -> bool:
    new, was = fact.number, old.number
    if new is None or was is None or not _follows(fact, old, tolerance):
        return False
    return abs(new - was) <= tolerance.share * abs(was) and not worse(fact.key, new, was)


def _says_again(fact: Fact, beside_a_number: bool, before: Sequence[Fact], tolerance: Tolerance) -> bool:
    """Return whether words were said before: all of them, or beside a number what is in parentheses, its flag."""
    return any(
        old.value == fact.value or (beside_a_number and _flag(old) == _flag(fact) != "")
        for old in before
        if _follows(fact, old, tolerance)
    )


def _follows(fact: Fact, old: Fact, tolerance: Tolerance) -> bool:
    if fact.key != old.key or _id(fact) == _id(old) or not fact.effective_at or not old.effective_at:
        return False
    return timedelta(0) <= fact.effective_at - old.effective_at <= tolerance.within


def _id(fact: Fact) -> str:
    return fact.resource.partition("/_history/")[0]


def _flag(fact: Fact) -> str:
    return fact.value.rpartition("(")[2] if fact.value.endswith(")") else ""
