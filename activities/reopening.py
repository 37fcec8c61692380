"""Whether the chart of a decided or ended case holds news: what no decision of the stay showed, or what one showed and
is not so any more (I17, I18)."""

from dataclasses import dataclass
from datetime import datetime

from activities import earlier
from activities.chart_reads import read_resources
from activities.world import World
from agents.charts import over_since, stay_of
from agents.pathway import EndingPathway
from contracts.cases import CaseState
from contracts.errors import FhirError, FhirFault
from integrations import clock
from integrations.fhir.client import Resource
from integrations.ledger.cases import CaseRow


@dataclass(frozen=True)
class ChartCheck:
    """What reading the chart of a case gave."""

    resources: list[Resource]
    demanded: bool
    """Whether the pathway needs a new case for it."""
    late: int = 0
    """Changes of what was decided on that came too long after the stay to be asked about: the audit has them."""


def check_chart(world: World, case: CaseRow) -> ChartCheck:
    """Read the chart of a case that waits for nobody, as it is now. Raises FhirError, LedgerError."""
    pathway, now = world.pathways[case.pathway], clock.now()
    try:
        resources = read_resources(world, case.pathway, case.encounter_id)
    except FhirError as fault:
        if fault.kind != FhirFault.MISSING:
            raise
        return ChartCheck([], demanded=False, late=1)  # the stay itself is gone: nothing can be asked about it any more
    facts = pathway.read_chart(resources, case.encounter_id, now)
    stay = earlier.of_stay(world, case.pathway, case.encounter_id)
    ends = isinstance(pathway, EndingPathway) and pathway.over(resources, case.encounter_id)
    # Where the process ended with its stay, what it showed last stays listed; else the next event asks again.
    new = earlier.uncovered(pathway, resources, facts, stay, stay.undecided if ends else ())
    changed = earlier.changes(world, pathway, stay, resources, facts, frozen=False)
    back = case.state == CaseState.STAY_ENDED and not ends  # nobody has triaged who came back
    late = _late(world, over_since(stay_of(resources, case.encounter_id)), now)
    return ChartCheck(resources, bool(new or back or (changed and not late)), len(changed) if late else 0)


def _late(world: World, since: datetime | None, now: datetime) -> bool:
    return since is not None and now - since > world.revised_for
