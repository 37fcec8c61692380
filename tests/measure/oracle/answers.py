"""What people were shown and what they decided, as plain data: filled from rows of the ledger, without its code."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from tests.measure.oracle.chart import Chart
from tests.measure.oracle.items import LEAST, Item
from tests.measure.oracle.resources import Resource, meaning

DECIDED = frozenset(["decided", "written", "rejected"])
NAMED = re.compile(r"(?<![\w.\-])([A-Z][A-Za-z]+/[A-Za-z0-9.\-]*[A-Za-z0-9\-])(?:/_history/([^\s,;:)]+))?")


@dataclass(frozen=True)
class Shown:
    """One version of a case, as people saw it."""

    case_id: str
    pathway: str
    encounter_id: str
    generation: int
    version: int
    suggestion: Resource
    """The JSON of the suggestion."""

    @property
    def floor(self) -> str:
        return self.suggestion.get("floor") or LEAST

    @property
    def facts(self) -> dict[str, str]:
        """The version of each resource that it shows, by `Type/id`."""
        shown = (f["resource"].partition("/_history/") for f in self.suggestion["facts"]["facts"])
        return {name: version for name, _, version in shown}

    @property
    def left_out(self) -> list[str]:
        return list(self.suggestion["facts"].get("left_out") or ())

    @property
    def changed(self) -> set[str]:
        """The resources, by `Type/id`, that it says have changed since an earlier decision."""
        earlier = self.suggestion.get("earlier") or {}
        return {one["resource"].partition("/_history/")[0] for one in earlier.get("changed") or ()}


@dataclass(frozen=True)
class Case:
    case_id: str
    pathway: str
    encounter_id: str
    generation: int
    state: str
    version: int
    """Shown last; 0 before the first."""
    acknowledged: bool = False

    @property
    def name(self) -> str:
        return f"{self.encounter_id}#{self.generation}"


@dataclass(frozen=True)
class Decision:
    case_id: str
    version: int
    """Of the suggestion that was decided on."""
    kind: str
    selected: str | None
    decided_at: datetime


@dataclass(frozen=True)
class Answer:
    """What stands of a case: its last suggestion, or that of its decision."""

    case: Case
    shown: Shown
    decision: Decision | None = None

    def presents(self, item: Item, chart: Chart) -> bool:
        """Return whether it is among its facts, in this version or one of the same meaning."""
        version = self.shown.facts.get(item.resource)
        return version is not None and _same(item, version, chart)

    def names(self, item: Item, chart: Chart) -> bool:
        """Return whether a line of what is left out names it, and can't have meant another version."""
        mentioned = (found for line in self.shown.left_out for found in NAMED.findall(line))
        versions = [version for name, version in mentioned if name == item.resource]
        if any(version and _same(item, version, chart) for version in versions):
            return True
        since = chart.since(item.resource, item.content)
        in_time = self.decision is None or since is None or since <= self.decision.decided_at
        return "" in versions and in_time


def of_cases(cases: Iterable[Case], shown: Iterable[Shown], decisions: Iterable[Decision]) -> Iterator[Answer]:
    """Yield what stands of each case; a decision that was taken back, or whose case is continued, answers nothing."""
    by_version = {(one.case_id, one.version): one for one in shown}
    last: dict[str, Decision] = {}
    for decision in sorted(decisions, key=lambda one: one.decided_at):
        last[decision.case_id] = decision
    for case in cases:
        decision = last.get(case.case_id) if case.state in DECIDED else None
        version = decision.version if decision else case.version
        if (case.case_id, version) in by_version:
            yield Answer(case, by_version[case.case_id, version], decision)


def _same(item: Item, version: str, chart: Chart) -> bool:
    before = chart.was(item.resource, version)
    return version == item.version or (before is not None and meaning(before) == item.content)
