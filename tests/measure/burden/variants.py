"""The rules that are compared: the product as it is, and with one rule of I17 or I18 taken out for a while."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from unittest.mock import patch

from activities import earlier, reopening, snapshot_chart
from activities.chart_reads import read_resources
from activities.reopening import ChartCheck
from activities.world import World
from agents import evidence, level_graph
from agents.charts import version_of
from agents.pathway import Pathway, Ports, Resource, SuggestionGraph
from agents.result_followup import rules
from agents.result_followup.pathway import ResultFollowup
from contracts.charts import Attention, ChartFacts
from contracts.result_followup import ResultFollowupOptions
from integrations import clock
from integrations.ledger import decisions
from integrations.ledger.cases import CaseRow


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


@dataclass(frozen=True)
class Variant:
    name: str
    pathway: Callable[[ResultFollowupOptions], Pathway] = Followup
    check: Callable[[World, CaseRow], ChartCheck] | None = None
    """Instead of the product's re-examination of an ended case."""
    exact: bool = False
    """A version of a resource is another resource: that it says the same does not count."""

    def check_chart(self, world: World, case: CaseRow) -> ChartCheck:
        return (self.check or reopening.check_chart)(world, case)

    @contextmanager
    def in_force(self) -> Iterator[None]:
        """Run the product by this rule."""
        with ExitStack() as stack:
            if self.exact:
                stack.enter_context(patch.object(evidence, "shows", _shows_version))
                stack.enter_context(patch.object(evidence, "changed", _changed_version))
                stack.enter_context(patch.object(snapshot_chart, "facts_hash", _hash_of_versions(snapshot_chart.facts_hash)))
            if self.check:
                stack.enter_context(patch.object(earlier, "compare", lambda *_: None))
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


def _shows_version(shown: ChartFacts, item: Attention, facts: ChartFacts) -> bool:
    return shown.shows(item)


def _changed_version(
    pathway: Pathway, encounter_id: str, before: Sequence[Resource], now: Sequence[Resource], as_of: datetime
) -> dict[str, tuple[str, str]]:
    """Return the versions, in words, of all that has another version now, or is gone."""
    there = {(one["resourceType"], one["id"]): version_of(one) for one in now}
    found = ((one, there.get((one["resourceType"], one["id"]), "gone")) for one in before)
    return {f"{one['resourceType']}/{one['id']}": (version_of(one), told) for one, told in found if told != version_of(one)}


def _hash_of_versions(of_facts: Callable[[ChartFacts], str]) -> Callable[[ChartFacts], str]:
    def hashed(facts: ChartFacts) -> str:
        return f"{of_facts(facts)} {sorted({fact.resource for fact in facts.facts})}"

    return hashed


AS_IT_IS = Variant("as it is")
WITHOUT_REPEATS = Variant("without the repeat rule", pathway=WithoutRepeats)
EXACT = Variant("exact versions, equal or not", exact=True)
LEVEL = Variant("level instead of evidence", check=by_level)
VARIANTS = (AS_IT_IS, WITHOUT_REPEATS, EXACT, LEVEL)
