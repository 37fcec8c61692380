"""Joins what demands attention with what was shown and decided: no news may be lost (I17 to I20). Pure."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from tests.measure.oracle import items
from tests.measure.oracle.answers import DECIDED, NAMED, Answer, Case, Decision, Shown, of_cases
from tests.measure.oracle.chart import Chart
from tests.measure.oracle.items import LEAST, Item
from tests.measure.oracle.resources import facts

UNDECIDED = frozenset(["closed_undecided", "stay_ended"])
OPEN, REJECT = "open", "reject"


class Fate(StrEnum):
    """What became of an item; the first that fits."""

    DECIDED = "decided"
    """A decision answered it, in this meaning."""
    REPEAT = "repeat"
    """It only repeats what a person accepted."""
    OPEN = "open"
    """An open case shows it."""
    UNDECIDED = "undecided"
    """A case that nobody decided showed it, and stays listed."""
    UNACCOUNTED = "unaccounted"


@dataclass(frozen=True)
class Finding:
    """One disagreement; `rule` as numbered in the design, `case` the encounter with its generation or resource."""

    rule: str
    case: str
    text: str

    def __str__(self) -> str:
        return f"{self.rule} {self.case}: {self.text}"


@dataclass
class Report:
    """`counts` has each fate of an item."""

    counts: Counter[Fate] = field(default_factory=Counter)
    findings: list[Finding] = field(default_factory=list)


def check(
    chart: Chart,
    cases: Iterable[Case],
    shown: Iterable[Shown],
    decisions: Iterable[Decision],
    pathways: Sequence[str] = (items.TRIAGE, items.FOLLOW_UP),
) -> Report:
    """Return what became of each item that demands attention, and every disagreement."""
    answers = list(of_cases(cases, shown, decisions))
    report = Report()
    found = items.of_chart(chart.current, chart.at, pathways)
    fates = {item: _fate(item, answers, chart) for item in found}
    for item, fate in fates.items():
        report.counts[fate] += 1
        report.findings += _about(item, fate, answers, chart)
    report.findings += [*_hidden(fates, answers), *_unheard(answers, chart), *_outdated(answers, chart)]
    return report


def attention_line(report: Report) -> str:
    counts = report.counts
    accounted = " + ".join(f"{counts[fate]} {fate.value}" for fate in Fate if fate != Fate.UNACCOUNTED)
    return f"attention: {counts.total()} = {accounted}, {counts[Fate.UNACCOUNTED]} unaccounted"


def _of(item: Item, answers: list[Answer]) -> list[Answer]:
    mine = (item.pathway, item.encounter)
    return [one for one in answers if (one.case.pathway, one.case.encounter_id) == mine]


def _fate(item: Item, answers: list[Answer], chart: Chart) -> Fate:
    mine = _of(item, answers)
    covering = [one for one in mine if one.presents(item, chart) or one.names(item, chart)]
    if any(one.decision for one in covering):
        return Fate.DECIDED
    if any(_accepted_before(item, one, chart) for one in mine):
        return Fate.REPEAT
    states = {one.case.state for one in covering}
    if OPEN in states:
        return Fate.OPEN
    return Fate.UNDECIDED if states & UNDECIDED else Fate.UNACCOUNTED


def _accepted_before(item: Item, answer: Answer, chart: Chart) -> bool:
    """Return whether a decision accepted another Observation that the item only repeats."""
    if answer.decision is None or answer.decision.kind == REJECT:
        return False
    mine = chart.current[item.resource]
    earlier = (chart.was(name, version) for name, version in answer.shown.facts.items() if name != item.resource)
    return any(one["resourceType"] == "Observation" and items.repeats(item, mine, one) for one in earlier if one)


def _about(item: Item, fate: Fate, answers: list[Answer], chart: Chart) -> Iterator[Finding]:
    what = f"{item.resource}/_history/{item.version} ({item.key}, {item.rule}, floor {item.floor})"
    if fate == Fate.UNACCOUNTED:
        yield Finding("I17", item.encounter, f"{item.pathway}: {what} was shown to nobody, and no decision covers it")
    mine = [one for one in _of(item, answers) if one.case.state in DECIDED | UNDECIDED | {OPEN}]
    presenting = [one for one in mine if one.presents(item, chart)]
    covering = presenting + [one for one in mine if one.names(item, chart)]
    if not covering or fate == Fate.REPEAT:
        return
    floor = min(one.shown.floor for one in covering)
    if floor > item.floor:
        shown_as = "no floor" if floor == LEAST else f"floor {floor}"
        yield Finding("I19", item.encounter, f"{item.pathway}: {what} was shown with {shown_as}")
    if item.floor == "1" and not presenting and not item.in_doubt:
        yield Finding("I20", item.encounter, f"{item.pathway}: {what} is most urgent, and only named as left out")


def _hidden(fates: dict[Item, Fate], answers: list[Answer]) -> Iterator[Finding]:
    """I20: an open case that shows less than the chart holds says how much it hides."""
    for answer in answers:
        if answer.case.state != OPEN:
            continue
        mine = (answer.case.pathway, answer.case.encounter_id)
        hidden = [i for i, fate in fates.items() if (i.pathway, i.encounter) == mine and fate == Fate.UNACCOUNTED]
        counted = any(re.search(r"\b\d+\b", NAMED.sub("", line)) for line in answer.shown.left_out)
        if hidden and not counted:
            yield Finding(
                "I20", answer.case.name, f"{mine[0]}: does not show {len(hidden)} of its items, and no line says"
            )


def _unheard(answers: list[Answer], chart: Chart) -> Iterator[Finding]:
    """I18: what a decision rested on says something else now, and no later case of the stay names it as changed."""
    for answer in answers:
        if answer.decision is None:
            continue
        case = answer.case
        later = [
            one.shown
            for one in answers
            if (one.case.pathway, one.case.encounter_id) == (case.pathway, case.encounter_id)
            and one.case.generation > case.generation
        ]
        for name, why in _changes(answer.shown, chart):
            if not any(name in one.changed for one in later):
                yield Finding("I18", case.name, f"{case.pathway}: {name} {why} after its decision, and no case says so")


def _outdated(answers: list[Answer], chart: Chart) -> Iterator[Finding]:
    """I18: an open case shows what the chart says now."""
    for answer in answers:
        if answer.case.state == OPEN:
            for name, why in _changes(answer.shown, chart):
                yield Finding("I18", answer.case.name, f"{answer.case.pathway}: shows {name} as it was before it {why}")


def _changes(shown: Shown, chart: Chart) -> Iterator[tuple[str, str]]:
    """Yield each Observation and Patient among the facts that says something else now, and what became of it."""
    for name, version in shown.facts.items():
        before, now = chart.was(name, version), chart.current.get(name)
        if before is None or before["resourceType"] not in ("Observation", "Patient"):
            continue
        if now is None:
            if name in chart.deleted:
                yield name, "was deleted"
        elif facts(now) != facts(before):
            yield name, f"was changed (version {version} to {now['meta']['versionId']})"
