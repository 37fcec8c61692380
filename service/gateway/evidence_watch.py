"""Looks whether what cases show is still so in the chart: not every server tells of a deletion (I18)."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

import structlog

from activities import evidence
from activities.world import World
from contracts.cases import CaseState
from contracts.errors import ConfigurationError, FhirError
from contracts.events import REPEATED, FhirEvent
from integrations import clock
from integrations.ledger import evidence as ledger_evidence
from integrations.ledger import inbox
from integrations.ledger.audit import Action
from integrations.ledger.evidence import Held
from service.process.settings import Settings

log = structlog.get_logger()
MOST = 1000
"""Resources that one look compares of open cases, and of decided ones: where there are more, they take turns."""
OPEN, DECIDED = (CaseState.OPEN,), (CaseState.DECIDED, CaseState.WRITTEN, CaseState.REJECTED)
START = ("", "")


@dataclass
class EvidenceWatch:
    """Compares the evidence of open cases, and in turn of those decided lately, with the chart."""

    world: World
    settings: Settings
    _reached: dict[Collection[CaseState], tuple[str, str]] = field(default_factory=dict)

    def look(self) -> int:
        """Accept a notice of each resource that is another than a case shows, or gone; return how many were new.

        Audited. A chart that is away is looked at the next time. Raises LedgerError.
        """
        world = self.world
        held = [*self._next(OPEN), *self._next(DECIDED)]
        if not held:
            return 0
        shown = {one.resource: one.version_id for one in held}
        try:
            there = dict(evidence.versions(world, shown))
        except (FhirError, ConfigurationError) as fault:
            log.warning("evidence_not_read", **fault.log_fields())
            return 0
        with world.records.db.write() as tx:
            detail = f"{len(shown)} resources behind open and decided cases"
            world.records.auditor.append(tx, Action.READ, "evidence", detail=detail)
        hints = [hint for one in held if (hint := self._hint(one, there))]
        found = inbox.accept(world.records.db, world.records.blobs, hints) if hints else 0
        if found:
            log.info("evidence_changed_unheard", accepted=found)
        return found

    def _next(self, states: Collection[CaseState]) -> list[Held]:
        reached = self._reached.get(states, START)
        since = clock.now() - self.world.revised_for
        with self.world.records.db.read() as tx:
            held = ledger_evidence.held_by(tx, states, since, reached, MOST)
        last = held[-1] if len(held) == MOST else None
        self._reached[states] = (last.case_id, last.resource) if last else START
        return held

    def _hint(self, held: Held, there: Mapping[str, str]) -> FhirEvent | None:
        """Return the notice for a case whose evidence is not as it shows it: the same for the same change."""
        now = there.get(held.resource)
        pathway = self.settings.pathways.get(held.pathway)
        if pathway is None or now == held.version_id:
            return None
        type_, _, id_ = held.resource.partition("/")
        told = f"{REPEATED}{now}" if now else f"{REPEATED}gone {held.version_id}"
        return FhirEvent(
            feed=pathway.feed, resource_type=type_, resource_id=id_, version_id=f"{told}:{held.encounter_id}",
            encounter_id=held.encounter_id,
        )  # fmt: skip
