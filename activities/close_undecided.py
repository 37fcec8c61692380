"""End a case that nobody decided."""

from dataclasses import dataclass

from temporalio import activity

from activities.boundary import boundary
from activities.chart_writes import proposed, write_to_chart
from activities.world import World
from contracts.cases import CaseOutcome, CaseRef, CaseState
from integrations.fhir import proposals
from integrations.ledger import cases
from integrations.ledger.attestation import Kind, Row
from integrations.ledger.audit import Action


@activity.defn(name="close_case")
@dataclass(frozen=True)
class CloseCase:
    """Idempotent: an end in the ledger, then our Task cancelled. Nothing else was ever written for the case."""

    world: World

    def __call__(self, ref: CaseRef) -> CaseOutcome:
        """End a case that nobody decided; return its state, which is `decided` where somebody has meanwhile."""
        with boundary():
            with self.world.records.db.write() as tx:
                if cases.close_undecided(tx, ref.case_id):
                    rows = (Row(Kind.ENDED, (ref.case_id,)),)
                    self.world.records.auditor.append(tx, Action.CLOSE, "nobody decided", rows, case_id=ref.case_id)
                case = cases.find(tx, ref.case_id)
            assert case is not None
            if case.state == CaseState.CLOSED_UNDECIDED:
                self._cancel(ref)
            self.world.live.publish(ref.case_id)
            return CaseOutcome(case_id=ref.case_id, state=case.state)

    def _cancel(self, ref: CaseRef) -> None:
        task = proposed(self.world, ref)  # its row may never have been shown
        if task and task["status"] == "requested":
            after = proposals.closed(task, "cancelled", "nobody decided within the escalation ladder")
            version = f'W/"{task["meta"]["versionId"]}"'
            request = {"method": "PUT", "url": f"Task/{task['id']}", "ifMatch": version}
            write_to_chart(self.world, ref, [{"resource": after, "request": request}], Action.WRITE)
