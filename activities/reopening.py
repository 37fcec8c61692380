"""Whether the chart of an ended case holds what demands a look and no decision of the stay showed (I17)."""

from dataclasses import dataclass

from activities.chart_reads import read_resources
from activities.world import World
from agents.pathway import Pathway, RepeatingPathway
from contracts.charts import Attention, ChartFacts
from contracts.decisions import DecisionKind
from integrations import clock
from integrations.fhir.client import Resource
from integrations.ledger import cases, decisions
from integrations.ledger.cases import CaseRow


@dataclass(frozen=True)
class ChartCheck:
    """What reading the chart of an ended case gave."""

    resources: list[Resource]
    demanded: bool
    """Whether the pathway needs a new case for it."""


def check_chart(world: World, case: CaseRow) -> ChartCheck:
    """Read the chart of an ended case, as it is now. Raises FhirError, LedgerError.

    What a decision showed is what its suggestion was made of: an approval, a change and a rejection all cover these
    versions, whatever the level. What was accepted, and not rejected, covers its repeats as well.
    """
    pathway = world.pathways[case.pathway]
    resources = read_resources(world, case.pathway, case.encounter_id)
    facts = pathway.read_chart(resources, case.encounter_id, clock.now())
    with world.records.db.read() as tx:
        decided = cases.decided_of_stay(tx, case.pathway, case.encounter_id)
        kinds = {case_id: one.kind for case_id, one in decisions.of_cases(tx, [row.case_id for row in decided]).items()}
    read = {row.case_id: world.records.suggestion(row.suggestion_blob).facts for row in decided if row.suggestion_blob}
    accepted = [one for case_id, one in read.items() if kinds[case_id] != DecisionKind.REJECT]
    unseen = (item for item in pathway.attention(resources, facts) if not any(one.shows(item) for one in read.values()))
    new = (item for item in unseen if not _repeats(pathway, item, facts, accepted))
    return ChartCheck(resources, any(True for _ in new))


def _repeats(pathway: Pathway, item: Attention, facts: ChartFacts, accepted: list[ChartFacts]) -> bool:
    return isinstance(pathway, RepeatingPathway) and pathway.repeats(item, facts, accepted)
