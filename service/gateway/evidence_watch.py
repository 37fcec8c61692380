"""Looks whether what cases show is still so in the chart: not every server tells of a deletion (I18)."""

import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

import structlog

from activities import evidence
from activities.world import World
from contracts.cases import CaseState
from contracts.errors import ConfigurationError, FhirError, WardflowError
from contracts.events import REPEATED, FhirEvent
from integrations import clock
from integrations.ledger import cases, inbox, readings
from integrations.ledger import evidence as ledger_evidence
from integrations.ledger.audit import Action
from integrations.ledger.database import Transaction
from integrations.ledger.evidence import Held
from service.process.settings import Settings

log = structlog.get_logger()
AT_ONCE = 50
"""Cases of before the index whose evidence one look adds."""
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
    _unreadable: set[str] = field(default_factory=set)
    """Cases whose evidence could not be made out."""

    def look(self) -> int:
        """Accept a notice of each resource that is another than a case shows, or gone; return how many were new.

        Audited. A chart that is away is looked at the next time. Raises LedgerError.
        """
        world = self.world
        self._complete()
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
            hints = [hint for one in held if (hint := self._hint(tx, one, there))]
        found = inbox.accept(world.records.db, world.records.blobs, hints) if hints else 0
        if found:
            log.info("evidence_changed_unheard", accepted=found)
        return found

    def _complete(self) -> None:
        """Keep the evidence of versions that were shown before the ledger kept any, some at each look."""
        world = self.world
        with world.records.db.read() as tx:
            ids = ledger_evidence.without(tx, clock.now() - inbox.USED_FOR, AT_ONCE + len(self._unreadable))
            rows = [row for case_id in ids if (row := cases.find(tx, case_id))]
        for row in rows:
            if row.case_id in self._unreadable or row.pathway not in world.pathways:
                continue
            try:
                facts = world.records.suggestion(row.suggestion_blob or "").facts
                pieces = evidence.pieces(world, row.ref, row.snapshot_blob or "", facts)
            except (WardflowError, ValueError, LookupError, TypeError, AttributeError) as fault:
                log.error("evidence_not_kept", case_id=row.case_id, error=type(fault).__name__)
                self._unreadable.add(row.case_id)
                continue
            with world.records.db.write() as tx:
                ledger_evidence.keep(tx, row.case_id, row.version, pieces)

    def _next(self, states: Collection[CaseState]) -> list[Held]:
        reached = self._reached.get(states, START)
        since = clock.now() - self.world.revised_for
        with self.world.records.db.read() as tx:
            held = ledger_evidence.held_by(tx, states, since, reached, MOST)
        last = held[-1] if len(held) == MOST else None
        self._reached[states] = (last.case_id, last.resource) if last else START
        return held

    def _hint(self, tx: Transaction, held: Held, there: Mapping[str, str]) -> FhirEvent | None:
        """Return the notice for a case whose evidence is not as it shows it, unless it has read so already."""
        now = there.get(held.resource)
        pathway = self.settings.pathways.get(held.pathway)
        if pathway is None or now == held.version_id:
            return None
        type_, _, id_ = held.resource.partition("/")
        newest = cases.latest(tx, held.pathway, held.encounter_id)
        read = readings.of(tx, newest.case_id, [(type_, id_)]).get((type_, id_)) if newest else None
        version = read.partition(" ")[0] if read is not None else None
        if version == now or (version is None and now is not None):  # read so, or seen to have left the stay
            return None
        if inbox.waits(tx, held.encounter_id):
            return None
        told = f"{REPEATED}seen {now or 'gone'} {uuid.uuid4().hex}"
        return FhirEvent(
            feed=pathway.feed, resource_type=type_, resource_id=id_, version_id=told, encounter_id=held.encounter_id
        )
