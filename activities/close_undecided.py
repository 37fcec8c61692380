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
        return _close(self.world, ref, CaseState.CLOSED_UNDECIDED)


@activity.defn(name="close_with_stay")
@dataclass(frozen=True)
class CloseWithStay:
    """Idempotent as `CloseCase` is: the stay was over before anybody decided."""

    world: World

    def __call__(self, ref: CaseRef) -> CaseOutcome:
        """End a case whose stay is over; return its state, which is `decided` where somebody has meanwhile."""
        return _close(self.world, ref, CaseState.STAY_ENDED)


WHY = {
    CaseState.CLOSED_UNDECIDED: "nobody decided within the escalation ladder",
    CaseState.STAY_ENDED: "the stay was over before anybody decided",
    CaseState.CONTINUED: "taken back; the next suggestion of this stay asks for it",
}


def _close(world: World, ref: CaseRef, state: CaseState) -> CaseOutcome:
    with boundary():
        with world.records.db.write() as tx:
            if cases.close_undecided(tx, ref.case_id, state):
                rows = (Row(Kind.ENDED, (ref.case_id,)),)
                world.records.auditor.append(tx, Action.CLOSE, WHY[state], rows, case_id=ref.case_id)
            case = cases.find(tx, ref.case_id)
        assert case is not None
        if case.state in WHY:
            _cancel(world, ref, WHY[case.state])
        world.live.publish(ref.case_id)
        return CaseOutcome(case_id=ref.case_id, state=case.state)


def _cancel(world: World, ref: CaseRef, why: str) -> None:
    task = proposed(world, ref)  # its row may never have been shown
    if task and task["status"] == "requested":
        after = proposals.closed(task, "cancelled", why)
        version = f'W/"{task["meta"]["versionId"]}"'
        request = {"method": "PUT", "url": f"Task/{task['id']}", "ifMatch": version}
        write_to_chart(world, ref, [{"resource": after, "request": request}], Action.WRITE)
