"""What a version brings a person who looks again, and whether a result was ever shown."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from agents import evidence
from agents.pathway import Pathway, Resource
from contracts.charts import Attention, ChartFacts
from contracts.suggestions import Suggestion
from tests.measure.burden.streams import Stay, Truth, content


class Brings(StrEnum):
    """The most that is new in a version, the most urgent first."""

    CRITICAL = "a critical result"
    CORRECTION = "a correction or withdrawal"
    FIRST = "the first result of a test that demands a look"
    OTHER_FLAG = "a test again, with another flag"
    SAME_FLAG = "a test again, with the same flag"
    EQUAL = "a test again, with the same flag and number"
    LINE = "another line of what is not shown"
    UNDECIDED = "what nobody decided on before"
    NORMAL = "only results that demand no look"
    STAY = "only where the stay stands"
    NOTHING = "nothing that a person could see"


NOISE = (Brings.NORMAL, Brings.STAY, Brings.NOTHING)
"""What brings nothing that demands a look."""


class Unshown(StrEnum):
    """Why a result that demands a look was in no suggestion."""

    REPEAT = "repeats what a person accepted"
    REPLACED = "a later number of its test was there"
    MISSED = "missed"


@dataclass(frozen=True)
class Look:
    """One version that a person had to look at."""

    stay: int
    case: int
    """Generation."""
    version: int
    first: bool
    """Of the first case of a stay: not again."""
    brings: Brings
    told: tuple[str, ...] = ()
    """What is new, for an example."""


@dataclass
class Seen:
    """All that people were shown of one stay."""

    stay: Stay
    contents: dict[str, Resource] = field(default_factory=dict)
    """What each version (`Type/id/_history/version`) says."""
    shown: set[tuple[str, str]] = field(default_factory=set)
    """Contents by id, and lines, that some version showed as demanding a look."""
    tests: dict[str, tuple[str, float | None]] = field(default_factory=dict)
    """Flag and number of each test that was shown as demanding a look, the newest."""
    facts: set[tuple[str, str, str]] = field(default_factory=set)
    """Key, value and unit of what the last version showed."""

    def truth(self, version: str) -> Truth | None:
        resource = self.contents.get(version)
        return self.stay.truths.get((resource["id"], content(resource))) if resource else None

    def key(self, item: Attention) -> tuple[str, str]:
        resource = self.contents.get(item.resource)
        return (resource["id"], content(resource)) if resource else ("line", item.line or item.resource)

    def look(self, suggestion: Suggestion, items: Sequence[Attention], again: bool) -> tuple[Brings, tuple[str, ...]]:
        """Return what this version brings beyond those before it, and remember it."""
        facts = {(fact.key, fact.value, fact.unit) for fact in suggestion.facts.facts}
        new = [item for item in items if self.key(item) not in self.shown]
        corrected = suggestion.earlier.changed if suggestion.earlier and again else ()
        withdrawn = self._withdrawn(suggestion.facts)
        found = {self._of(item) for item in new}
        if corrected or withdrawn:
            found.add(Brings.CORRECTION)
        if not found:
            found.add(self._empty(facts, items, again))
        told = [f"{value} {unit}".strip() for _, value, unit in sorted(facts - self.facts)]
        self._remember(items, facts)
        return min(found, key=list(Brings).index), tuple(told)

    def _of(self, item: Attention) -> Brings:
        truth = self.truth(item.resource)
        if truth is None:
            return Brings.LINE
        if truth.side.critical:
            return Brings.CRITICAL
        if truth.corrects:
            return Brings.CORRECTION
        before = self.tests.get(truth.test)
        if before is None:
            return Brings.FIRST
        if before[0] != truth.side:
            return Brings.OTHER_FLAG
        return Brings.EQUAL if before[1] == number(self.contents[item.resource]) else Brings.SAME_FLAG

    def _empty(self, facts: set[tuple[str, str, str]], items: Sequence[Attention], again: bool) -> Brings:
        if again and items:
            return Brings.UNDECIDED
        changed = {key for key, _, _ in facts ^ self.facts}
        if not changed:
            return Brings.NOTHING
        return Brings.STAY if changed <= {"encounter"} else Brings.NORMAL

    def _withdrawn(self, facts: ChartFacts) -> bool:
        """Return whether a result that was shown as demanding a look is charted otherwise now."""
        current = {evidence_name(version) for version in self.contents}
        del current
        return False

    def _remember(self, items: Iterable[Attention], facts: set[tuple[str, str, str]]) -> None:
        self.facts = facts
        for item in items:
            self.shown.add(self.key(item))
            if truth := self.truth(item.resource):
                self.tests[truth.test] = truth.side, number(self.contents[item.resource])


def number(resource: Resource) -> float | None:
    """Return the number that a result says."""
    return resource.get("valueQuantity", {}).get("value")


def evidence_name(version: str) -> str:
    return version.partition("/_history/")[0]


def unshown(
    pathway: Pathway, version: str, chart: Sequence[Resource], facts: ChartFacts, accepted: Sequence[ChartFacts]
) -> Unshown:
    """Return why a result that the chart holds in this version is not shown."""
    if not any(fact.resource == version for fact in facts.facts):
        return Unshown.REPLACED
    item = Attention(resource=version)
    del evidence, chart
    return Unshown.REPEAT if pathway.repeats(item, facts, accepted) else Unshown.MISSED
