"""Write what was decided into the chart, once."""

from dataclasses import dataclass

import structlog
from temporalio import activity

from activities import evidence
from activities.boundary import boundary
from activities.chart_writes import note_writes, suggestion_of, write_to_chart
from activities.world import World
from contracts.cases import ENDED, CaseOutcome, CaseRef, CaseState
from contracts.decisions import WITHDRAWING, Decision, Evidence
from contracts.errors import ConfigurationError, FhirError, FhirFault, LedgerError, LedgerFault
from contracts.suggestions import Suggestion
from integrations.fhir import proposals
from integrations.fhir.client import Resource
from integrations.ledger import cases, decisions, own_writes
from integrations.ledger.attestation import Kind, Row
from integrations.ledger.audit import Action

log = structlog.get_logger()


@activity.defn(name="write_back")
@dataclass(frozen=True)
class WriteBack:
    """Idempotent: every resource has the case's own id, the Task is changed at its known version only."""

    world: World

    def __call__(self, ref: CaseRef) -> CaseOutcome:
        """Run the transaction of the decision, read it back, and end the case.

        Returns OPEN, and writes nothing, where the decision was taken back. Raises LedgerError for a suggestion of
        another encounter or pathway.
        """
        with boundary():
            with self.world.records.db.read() as tx:
                case, decision = cases.find(tx, ref.case_id), decisions.of_case(tx, ref.case_id)
                begun = decisions.write_begun(tx, ref.case_id)
            if case is not None and decision is not None and begun is None:
                found = self._evidence(ref, case, decision)
                with self.world.records.db.write() as tx:
                    decision = decisions.begin_write(tx, ref.case_id, found)
                    if decision:
                        self.world.records.auditor.append(
                            tx, Action.BEGIN_WRITE, f"decision {decision.decision_id}", case_id=ref.case_id,
                            rows=(Row(Kind.WRITE_BACK, (ref.case_id,)),), detail=f"evidence {found}",
                        )  # fmt: skip
            if case is None or decision is None or case.suggestion_blob is None:
                return CaseOutcome(case_id=ref.case_id, state=CaseState.OPEN)
            state = cases.outcome_state(decision.kind)
            if case.state == CaseState.DECIDED:
                self._write(ref, decision, suggestion_of(self.world, ref, case.suggestion_blob), state)
            self.world.live.publish(ref.case_id)
            return CaseOutcome(case_id=ref.case_id, state=state, decision_id=decision.decision_id)

    def _evidence(self, ref: CaseRef, case: cases.CaseRow, decision: Decision) -> Evidence:
        """Repeat the look that could not be taken when the decision was; a change is written as decided (I5).

        Raises FhirError while the chart is away, so that all is tried again; UNCHECKED where the look alone fails.
        """
        if decision.evidence == Evidence.CHECKED:
            return Evidence.CHECKED
        try:
            found = evidence.look(self.world, case)
        except (FhirError, ConfigurationError) as fault:
            self.world.fhir.read("Task", proposals.resource_id(ref, "task"))
            log.warning("evidence_unchecked", case_id=case.case_id, **fault.log_fields())
            return Evidence.UNCHECKED
        if found == Evidence.CHANGED:
            log.error("evidence_changed", case_id=case.case_id, pathway=case.pathway)
        return found

    def _written_before(self, suggestion: Suggestion) -> list[Resource]:
        """Return what the decisions in question wrote, as the chart has it; what is gone needs no withdrawal.

        Raises LedgerError, to be tried again, while one of them is still to be written or taken back.
        """
        found: list[Resource] = []
        for case_id in suggestion.earlier.in_question if suggestion.earlier else ():
            with self.world.records.db.read() as tx:
                case, resources = cases.find(tx, case_id), own_writes.of_case(tx, case_id)
                under_way = {one for one in resources if own_writes.intended(tx, *one)}
            assert case is not None
            if case.state not in ENDED:
                raise LedgerError(LedgerFault.UNSETTLED, "what is withdrawn is not written yet", retryable=True)
            ours = ("Task", proposals.resource_id(case.ref, "task"))
            for name in resources:
                there = None if name[0] == "Provenance" or name == ours else self.world.fhir.find(*name)
                if there and proposals.case_of(there) == case_id and (proposals.stands(there) or name in under_way):
                    found.append(there)
        return found

    def _write(self, ref: CaseRef, decision: Decision, suggestion: Suggestion, state: CaseState) -> None:
        task = self.world.fhir.read("Task", proposals.resource_id(ref, "task"))
        carried = proposals.decided_in(task)
        if carried not in (None, decision.decision_id):
            raise FhirError(FhirFault.CONFLICT, "our Task carries another decision")
        results = []
        if decision.selected is not None:
            meta, id_ = proposals.own_meta(ai=False), proposals.resource_id(ref, "result")
            results = self.world.pathways[ref.pathway].results(suggestion, decision, id_, meta)
        written = self._written_before(suggestion) if decision.kind in WITHDRAWING else []
        entries = proposals.decision_entries(ref, suggestion, decision, task, results, written)
        if carried is None:
            write_to_chart(self.world, ref, entries, Action.WRITE, ends=state)
            return
        # Written by an attempt whose answer was lost. A clinician may have corrected it since: never write again.
        bodies = [entry["resource"] for entry in entries]
        there = [self.world.fhir.read(body["resourceType"], body["id"]) for body in bodies]
        note_writes(self.world, ref, there, Action.WRITE, ends=state)
