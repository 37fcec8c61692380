"""What a version brings a person who looks again, and why a result was in no version."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from agents.evidence import WITHDRAWN
from agents.pathway import Resource
from agents.result_followup.pathway import ResultFollowup
from contracts.charts import Attention, ChartFacts
from contracts.suggestions import Suggestion
from tests.measure.burden.stays import Stay, Truth, content

Key = tuple[str, str]
"""Of an item: id and content of a result, or `line` and its text."""


class Brings(StrEnum):
    """The most that is new in a version, the most urgent first."""

    CRITICAL = "a critical result"
    CORRECTION = "a correction or a withdrawal of what demanded a look"
    FIRST = "the first result of a test that demands a look"
    OTHER_FLAG = "a test again, with another flag"
    SAME_FLAG = "a test again, with the same flag and another number"
    EQUAL = "a test again, with the same flag and number"
    UNCLEAR = "a result in order that the chart does not say is so"
    LINE = "a line of what could not be used or is not shown"
    UNDECIDED = "only what was shown and nobody decided on"
    ORDERLY_CORRECTION = "only a correction of what demanded no look"
    SAME = "only new versions that say the same"
    NORMAL = "only results that demand no look"
    STAY = "only that the stay is over"
    NOTHING = "nothing that a person could see"


EMPTY = (Brings.SAME, Brings.NORMAL, Brings.STAY, Brings.NOTHING)
"""What demands no look."""


class Unshown(StrEnum):
    """Why a result that demands a look was in no version."""

    REPEAT = "repeats what a person accepted"
    REPLACED = "a later number of its test was there, or it was withdrawn"
    MISSED = "missed"


@dataclass(frozen=True)
class Look:
    """A version that a person had to look at."""

    stay: int
    generation: int
    version: int
    brings: Brings
    told: tuple[str, ...]
    """What its facts say that those of the version before did not."""

    @property
    def again(self) -> bool:
        """Return whether somebody had looked at results of this stay before."""
        return (self.generation, self.version) != (1, 1)


@dataclass
class Seen:
    """All that people were shown of one stay."""

    stay: Stay
    versions: dict[str, Resource] = field(default_factory=dict)
    """Every result by `Type/id/_history/version`."""
    current: dict[str, Resource] = field(default_factory=dict)
    """The newest version by id."""
    shown: set[Key] = field(default_factory=set)
    """What some version showed as demanding a look."""
    _decided: set[Key] = field(default_factory=set)
    """What of it stood in a version that somebody decided on."""
    _last: set[Key] = field(default_factory=set)
    """What of it the newest version shows."""
    _tests: dict[str, tuple[str, float | None]] = field(default_factory=dict)
    """Flag and number of each test that was shown so, the newest."""
    _facts: set[tuple[str, str, str]] = field(default_factory=set)
    """Key, label with value, and unit of what the last version showed."""
    _corrected: set[Key] = field(default_factory=set)
    """Of what was shown, what the chart is known to say otherwise."""

    def charted(self, resource: Resource, version: str) -> None:
        self.versions[version] = resource
        self.current[resource["id"]] = resource

    def decided(self) -> None:
        """Note that somebody decided on the newest version."""
        self._decided |= self._last

    def look(self, shown: Suggestion, items: Sequence[Attention], opens: bool) -> tuple[Brings, tuple[str, ...]]:
        """Return what a version brings beyond those before it, and its new facts in words; remember both.

        `opens`: it is the first version of its case.
        """
        facts = shown.facts
        told = {(fact.key, fact.shown(), fact.unit) for fact in facts.facts}
        found = {self._of(item) for item in items if self._key(item) not in self.shown}
        corrected = set(self._otherwise()) - self._corrected
        if corrected:
            found.add(Brings.CORRECTION)
        if not found:
            found.add(self._rest(shown, told, {self._key(item) for item in items}, opens))
        new = tuple(sorted(shown for _, shown, _ in told - self._facts))
        self._facts = told
        self._corrected |= corrected
        self._last = {self._key(item) for item in items}
        self.shown |= self._last
        for item in items:
            if truth := self.truth(item.resource):
                self._tests[truth.test] = truth.side, _number(self.versions[item.resource])
        return min(found, key=list(Brings).index), new

    def truth(self, version: str) -> Truth | None:
        """Return what a version of a result says, or None where it is no result."""
        resource = self.versions.get(version)
        return self.stay.truth(resource) if resource else None

    def has_shown(self, resource: Resource) -> bool:
        """Return whether people were shown what this resource says."""
        return (resource["id"], content(resource)) in self.shown

    def _key(self, item: Attention) -> Key:
        resource = self.versions.get(item.resource)
        return (resource["id"], content(resource)) if resource else ("line", item.line or item.resource)

    def _of(self, item: Attention) -> Brings:
        truth = self.truth(item.resource)
        if truth is None:
            return Brings.LINE
        if truth.side.critical:
            return Brings.CRITICAL
        if truth.corrects:
            return Brings.CORRECTION
        if not truth.side.out:
            return Brings.UNCLEAR
        before = self._tests.get(truth.test)
        if before is None:
            return Brings.FIRST
        if before[0] != truth.side:
            return Brings.OTHER_FLAG
        return Brings.EQUAL if before[1] == _number(self.versions[item.resource]) else Brings.SAME_FLAG

    def _rest(self, shown: Suggestion, told: set[tuple[str, str, str]], keys: set[Key], opens: bool) -> Brings:
        """Return what a version brings that shows nothing new that demands a look."""
        if opens and not keys <= self._decided:
            return Brings.UNDECIDED
        if opens:
            changed = shown.earlier.changed if shown.earlier else ()
            corrected = any(self._says_otherwise(one.resource.partition("/")[2]) for one in changed)
            return Brings.ORDERLY_CORRECTION if corrected else Brings.SAME
        changed = {key for key, _, _ in told ^ self._facts}
        if not changed:
            return Brings.NOTHING
        return Brings.STAY if changed == {"encounter"} else Brings.NORMAL

    def _says_otherwise(self, id_: str) -> bool:
        """Return whether a result was charted in two contents, or withdrawn."""
        contents = {content(one) for one in self.versions.values() if one["id"] == id_}
        now = self.current.get(id_)
        return len(contents) > 1 or (now is not None and now["status"] in WITHDRAWN)

    def _otherwise(self) -> Iterator[Key]:
        for id_, said in self.shown:
            now = self.current.get(id_)
            if now and (now["status"] in WITHDRAWN or content(now) != said):
                yield id_, said


def _number(resource: Resource) -> float | None:
    return resource.get("valueQuantity", {}).get("value")


def unshown(pathway: ResultFollowup, version: str, facts: ChartFacts, accepted: Sequence[ChartFacts]) -> Unshown:
    """Return why a result that the chart holds in this version is not shown, by what was accepted until now."""
    if not any(fact.resource == version for fact in facts.facts):
        return Unshown.REPLACED
    repeated = pathway.repeats(Attention(resource=version), facts, accepted)
    return Unshown.REPEAT if repeated else Unshown.MISSED
