"""Accounts for what demands a look in the charts of stays with cases: decided, a repeat, open or undecided (I17).

It asks the pathways themselves what demands a look; `tests/measure/oracle` asks nobody.
"""

from collections import Counter

from activities import earlier
from activities.chart_reads import read_resources
from activities.world import World
from contracts.cases import CaseState
from contracts.charts import Attention
from contracts.errors import FhirError, FhirFault
from contracts.frozen import Frozen
from integrations import clock
from integrations.ledger import cases, inbox
from integrations.ledger.audit import Action
from integrations.ledger.cases import CaseRow

FATES = ("decided", "repeat", "open", "undecided", "unaccounted")


class Accounted(Frozen):
    """`items` = decided + repeat + open + undecided + unaccounted."""

    items: dict[str, int]
    findings: tuple[str, ...] = ()


def account(world: World) -> Accounted:
    """Read the chart of each stay whose newest case waits, or ended within the time of revisions. Audited.

    What has been accepted and not looked at yet is open: its case may be about to hear of it. Raises FhirError,
    LedgerError.
    """
    counted: Counter[str] = Counter(dict.fromkeys(FATES, 0))
    findings: list[str] = []
    since = clock.now() - world.revised_for
    with world.records.db.read() as tx:
        rows, stale = cases.listed(tx), cases.stale(tx)
    newest = {(row.pathway, row.encounter_id): row for row in sorted(rows, key=lambda row: row.generation)}
    looked = [row for row in newest.values() if row.pathway in world.pathways and (row.ended_at or clock.now()) > since]
    for row in looked:
        fates = _stay(world, row, row.case_id in stale)
        counted.update(fates.values())
        lost = [name for name, fate in fates.items() if fate == FATES[-1]]
        findings += [f"{name} of case {row.case_id[:12]} demands a look, and no case answers for it" for name in lost]
    with world.records.db.write() as tx:
        world.records.auditor.append(tx, Action.READ, "attention", detail=f"the charts of {len(looked)} stays")
    return Accounted(items={"items": counted.total(), **counted}, findings=tuple(findings))


def _stay(world: World, row: CaseRow, stale: bool) -> dict[str, str]:
    """Return what became of each item of a stay, by its version; a stay that is gone has none."""
    pathway = world.pathways[row.pathway]
    try:
        resources = read_resources(world, row.pathway, row.encounter_id)
    except FhirError as fault:
        if fault.kind != FhirFault.MISSING:
            raise
        return {}
    facts = pathway.read_chart(resources, row.encounter_id, clock.now())
    stay = earlier.of_stay(world, row.pathway, row.encounter_id)
    with world.records.db.read() as tx:
        moving = inbox.waits(tx, row.encounter_id) or (row.state == CaseState.OPEN and (stale or not row.version))
    blob = row.suggestion_blob if row.state == CaseState.OPEN else None
    shown = [world.records.suggestion(blob)] if blob else []

    def fate(item: Attention) -> str:
        if earlier.covered(item, facts, stay):
            return "decided"
        if earlier.repeats(pathway, item, facts, stay):
            return "repeat"
        if moving or earlier.shows(shown, item, facts):
            return "open"
        return "undecided" if earlier.shows(stay.undecided, item, facts) else "unaccounted"

    return {item.resource or item.line: fate(item) for item in pathway.attention(resources, facts)}
