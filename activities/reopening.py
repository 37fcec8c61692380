"""Whether the chart of an ended case holds what demands a look and no decision of the stay showed (I17)."""

from dataclasses import dataclass

from activities.chart_reads import read_resources
from activities.world import World
from integrations import clock
from integrations.fhir.client import Resource
from integrations.ledger import cases
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
    versions, whatever the level.
    """
    pathway = world.pathways[case.pathway]
    resources = read_resources(world, case.pathway, case.encounter_id)
    facts = pathway.read_chart(resources, case.encounter_id, clock.now())
    with world.records.db.read() as tx:
        decided = cases.decided_of_stay(tx, case.pathway, case.encounter_id)
    shown = [world.records.suggestion(row.suggestion_blob).facts for row in decided if row.suggestion_blob]
    unseen = (item for item in pathway.attention(resources, facts) if not any(one.shows(item) for one in shown))
    return ChartCheck(resources, any(True for _ in unseen))
