"""Write what was decided into the chart, once."""

from dataclasses import dataclass

from temporalio import activity

from activities.chart_writes import note_writes, write_to_chart
from activities.world import World, boundary
from contracts.cases import CaseOutcome, CaseRef, CaseState
from contracts.decisions import Decision
from contracts.errors import FhirError, FhirFault, LedgerError
from contracts.suggestions import Suggestion
from integrations.fhir import proposals
from integrations.ledger import cases
from integrations.ledger.audit import Action


@activity.defn(name="write_back")
@dataclass(frozen=True)
class WriteBack:
    """Idempotent: every resource has the case's own id, the Task is changed at its known version only."""

    world: World

    def __call__(self, ref: CaseRef) -> CaseOutcome:
        """Run the transaction of the decision, read it back, and end the case."""
        with boundary():
            with self.world.db.read() as tx:
                case, decision = cases.find(tx, ref.case_id), cases.decision_of(tx, ref.case_id)
            if case is None or decision is None or case.suggestion_blob is None:
                raise LedgerError("no_decision", ref.case_id)
            state = cases.outcome_state(decision.kind)
            if case.state == CaseState.DECIDED:
                self._write(ref, decision, self.world.suggestion(case.suggestion_blob), state)
            self.world.live.publish(ref.case_id)
            return CaseOutcome(case_id=ref.case_id, state=state, decision_id=decision.decision_id)

    def _write(self, ref: CaseRef, decision: Decision, suggestion: Suggestion, state: CaseState) -> None:
        task = self.world.fhir.read("Task", proposals.resource_id(ref, "task"))
        carried = proposals.decided_in(task)
        if carried not in (None, decision.decision_id):
            raise FhirError(FhirFault.CONFLICT, "our Task carries another decision")
        results = []
        if decision.selected is not None:
            meta, id_ = proposals.own_meta(ai=False), proposals.resource_id(ref, "result")
            results = self.world.pathways[ref.pathway].results(suggestion, decision, id_, meta)
        entries = proposals.decision_entries(ref, suggestion, decision, task, results)
        if carried is None:
            write_to_chart(self.world, ref, entries, Action.WRITE, ends=state)
            return
        # Written by an attempt whose answer was lost. A clinician may have corrected it since: never write again.
        bodies = [entry["resource"] for entry in entries]
        there = [self.world.fhir.read(body["resourceType"], body["id"]) for body in bodies]
        note_writes(self.world, ref, there, Action.WRITE, ends=state)
