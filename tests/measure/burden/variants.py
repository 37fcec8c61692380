"""The rules that are compared: the product as it is, with one rule of I17 or I18 taken out, and with a mend.

A rule is put in force for a while by a stand-in for one function; the product has no switch for it.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from unittest.mock import patch

from activities import earlier, reopening, snapshot_chart
from activities.chart_reads import read_resources
from activities.reopening import ChartCheck
from activities.world import World
from agents import evidence, level_graph
from agents.charts import version_of
from agents.pathway import Pathway, Ports, Resource, SuggestionGraph
from agents.result_followup import rules
from agents.result_followup.pathway import REPEAT, ResultFollowup
from contracts.cases import ChartSnapshot
from contracts.charts import Attention, ChartFacts, Fact
from contracts.result_followup import ResultFollowupOptions
from contracts.revisions import Earlier
from integrations import clock
from integrations.ledger import decisions
from integrations.ledger.cases import CaseRow

StandIns = tuple[tuple[Any, str, Callable[..., Any]], ...]
"""Owner, name, and what makes the stand-in of what is there."""
NUMBER = re.compile(r"[<>=]*\s*(-?\d+(?:\.\d+)?)")
A_DAY = timedelta(hours=26)
"""From one morning's blood to the next."""


class Followup(ResultFollowup):
    """The pathway as it is, its graph built once: without a model nothing in it is of one case."""

    def __init__(self, options: ResultFollowupOptions) -> None:
        super().__init__(options)
        self._graph: SuggestionGraph | None = None

    def build(self, ports: Ports) -> SuggestionGraph:
        assert not ports.models
        self._graph = self._graph or super().build(ports)
        return self._graph


class WithoutRepeats(Followup):
    """Everything asks again, however alike it is to what was accepted."""

    def repeats(self, item: Attention, facts: ChartFacts, accepted: Sequence[ChartFacts]) -> bool:
        return False


class AnyNumberRepeats(Followup):
    """A number of any test repeats an accepted one of the same flag within the tolerance, on either side of it; a
    critical one only by the rule as it is."""

    within, share = REPEAT.within, REPEAT.share

    def repeats(self, item: Attention, facts: ChartFacts, accepted: Sequence[ChartFacts]) -> bool:
        if super().repeats(item, facts, accepted):
            return True
        told = [fact for fact in facts.facts if item.resource and fact.resource == item.resource]
        if not told or any(found.floor == rules.ACT_NOW for found in _cited(told, facts)):
            return False
        before = [fact for one in accepted for fact in one.facts]
        return all(any(self._alike(fact, old) for old in before) for fact in told)

    def _alike(self, fact: Fact, old: Fact) -> bool:
        new, was = _number(fact), _number(old)
        if fact.label != old.label or new is None or was is None or not fact.effective_at or not old.effective_at:
            return False
        later = fact.effective_at - old.effective_at
        same = _flag(fact) == _flag(old) and abs(new - was) <= self.share * abs(was)
        return same and timedelta(0) <= later <= self.within


class DailyRepeats(AnyNumberRepeats):
    within = A_DAY


class WideRepeats(AnyNumberRepeats):
    within, share = A_DAY, 0.2


@dataclass(frozen=True)
class Gathering:
    """For how long reports without a critical result are gathered before the dispatcher looks."""

    quiet: timedelta
    most: timedelta


@dataclass(frozen=True)
class Variant:
    name: str
    pathway: Callable[[ResultFollowupOptions], Pathway] = Followup
    check: Callable[[World, CaseRow], ChartCheck] | None = None
    """Instead of the product's re-examination of an ended case."""
    stand_ins: StandIns = ()
    gather: Gathering | None = None
    """None: what comes is looked at at once, as after the second that the product waits."""

    def check_chart(self, world: World, case: CaseRow) -> ChartCheck:
        return (self.check or reopening.check_chart)(world, case)

    @contextmanager
    def in_force(self) -> Iterator[None]:
        """Run the product by this rule."""
        with ExitStack() as stack:
            for owner, name, made_of in self.stand_ins:
                stack.enter_context(patch.object(owner, name, made_of(getattr(owner, name))))
            yield


def by_level(world: World, case: CaseRow) -> ChartCheck:
    """Ask again only where the rules demand more than the level that was decided, as Wardflow did until November 2026.

    Without a decision, more than what was proposed; where that was nothing, anything.
    """
    pathway = world.pathways[case.pathway]
    resources = read_resources(world, case.pathway, case.encounter_id)
    facts = pathway.read_chart(resources, case.encounter_id, clock.now())
    with world.records.db.read() as tx:
        decision = decisions.of_case(tx, case.case_id)
    proposed = world.records.suggestion(case.suggestion_blob).selected if case.suggestion_blob else None
    held = (decision.selected if decision else None) or proposed
    least = level_graph.floor(rules.findings(facts))
    return ChartCheck(resources, least is not None and (held is None or least < held))


def _exactly(_shows: Callable[..., bool]) -> Callable[..., bool]:
    return lambda shown, item, _facts: shown.shows(item)


def _by_version(_changed: Callable[..., Any]) -> Callable[..., dict[str, tuple[str, str]]]:
    """Return the versions, in words, of all that has another version now, or is gone."""

    def changed(
        _pathway: Pathway, _encounter_id: str, before: Sequence[Resource], now: Sequence[Resource], _as_of: datetime
    ) -> dict[str, tuple[str, str]]:
        there = {_name(one): version_of(one) for one in now}
        told = {_name(one): (version_of(one), there.get(_name(one), "gone")) for one in before}
        return {name: versions for name, versions in told.items() if versions[0] != versions[1]}

    return changed


def _of_versions(hashed: Callable[[ChartFacts], str]) -> Callable[[ChartFacts], str]:
    return lambda facts: f"{hashed(facts)} {sorted({fact.resource for fact in facts.facts})}"


def _of_what_demands(freeze: Callable[..., ChartSnapshot]) -> Callable[..., ChartSnapshot]:
    """Hash of the facts only those that demand a look, by themselves or by a floor that rests on them."""

    def frozen(
        world: World, pathway: str, encounter_id: str, resources: list[Resource], as_of: datetime, case_id: str = ""
    ) -> ChartSnapshot:
        made = freeze(world, pathway, encounter_id, resources, as_of, case_id)
        facts = world.pathways[pathway].read_chart(resources, encounter_id, as_of)
        demanding = {item.resource for item in world.pathways[pathway].attention(resources, facts)}
        floors = {key for found in rules.findings(facts) if found.floor for key in found.cites}
        kept = tuple(fact for fact in facts.facts if fact.resource in demanding or fact.key in floors)
        told = world.records.chart(made.snapshot_blob).earlier
        hashed = snapshot_chart.facts_hash(facts.model_copy(update={"facts": kept}))
        return made.model_copy(update={"facts_hash": f"{hashed} {told.sha256() if told else ''}"})

    return frozen


def _without_versions(compare: Callable[..., Earlier | None]) -> Callable[..., Earlier | None]:
    """Name what is new without its version, which is in the hash of what is shown."""

    def compared(*given: Any) -> Earlier | None:
        found = compare(*given)
        if found is None:
            return None
        return found.model_copy(update={"new": tuple(name.partition("/_history/")[0] for name in found.new)})

    return compared


def _cited(told: Sequence[Fact], facts: ChartFacts) -> Iterator[Any]:
    keys = {fact.key for fact in told}
    return (found for found in rules.findings(facts) if keys & set(found.cites))


def _number(fact: Fact) -> float | None:
    match = NUMBER.match(fact.value)
    return fact.number if fact.number is not None else float(match[1]) if match else None


def _flag(fact: Fact) -> str:
    return fact.value.rpartition("(")[2] if fact.value.endswith(")") else ""


def _name(resource: Resource) -> str:
    return f"{resource['resourceType']}/{resource['id']}"


EXACT: StandIns = (
    (evidence, "shows", _exactly), (evidence, "changed", _by_version), (snapshot_chart, "facts_hash", _of_versions),
)  # fmt: skip
NEW_BY_NAME: StandIns = ((earlier, "compare", _without_versions),)
DEMANDS_ALONE: StandIns = ((snapshot_chart, "freeze", _of_what_demands),)
AS_IT_IS = Variant("as it is")
RULES = (
    AS_IT_IS,
    Variant("without the repeat rule", pathway=WithoutRepeats),
    Variant("exact versions, though they say the same", stand_ins=EXACT),
    Variant("level instead of evidence", check=by_level, stand_ins=((earlier, "compare", lambda _: lambda *_: None),)),
)
GATHERED = Gathering(timedelta(minutes=10), timedelta(minutes=30))
MENDS = (
    Variant("what is new, hashed without its version", stand_ins=NEW_BY_NAME),
    Variant("a new version only for what demands a look", stand_ins=(*NEW_BY_NAME, *DEMANDS_ALONE)),
    Variant("repeats of any number, 5 %, 4 h, better or worse", pathway=AnyNumberRepeats),
    Variant("repeats of any number, 5 %, 26 h, better or worse", pathway=DailyRepeats),
    Variant("repeats of any number, 20 %, 26 h, better or worse", pathway=WideRepeats),
    Variant("what is not critical gathered until 10 min are quiet, 30 min at most", gather=GATHERED),
    Variant(
        "the second, the fourth and the last", pathway=DailyRepeats, stand_ins=(*NEW_BY_NAME, *DEMANDS_ALONE),
        gather=GATHERED,
    ),
)  # fmt: skip
