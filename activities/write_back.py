"""Write what was decided into the chart, once."""

from dataclasses import dataclass

from temporalio import activity

from activities.chart_writes import write_to_chart
from activities.world import World, boundary
from contracts.cases import CaseOutcome, CaseRef
from contracts.errors import FhirError, FhirFault, LedgerError
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
            suggestion = self.world.suggestion(case.suggestion_blob)
            pathway = self.world.pathways[ref.pathway]
            task = self.world.fhir.read("Task", proposals.resource_id(ref, "task"))
            if proposals.decided_in(task) not in (None, decision.decision_id):
                raise FhirError(FhirFault.CONFLICT, "our Task carries another decision")
            results = []
            if decision.selected is not None:
                meta = proposals.own_meta(ai=False)
                results = pathway.results(suggestion, decision, proposals.resource_id(ref, "result"), meta)
            entries = proposals.decision_entries(ref, suggestion, decision, task, results)
            write_to_chart(self.world, ref, entries, Action.WRITE)
            state = cases.outcome_state(decision.kind)
            with self.world.db.write() as tx:
                cases.end(tx, ref.case_id, state)
            self.world.live.publish(ref.case_id)
            return CaseOutcome(case_id=ref.case_id, state=state, decision_id=decision.decision_id)
