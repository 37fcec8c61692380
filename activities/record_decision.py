"""Put a decision into the ledger: only now the person is told that it is done."""

from dataclasses import dataclass

from temporalio import activity

from activities.world import World, boundary
from contracts.cases import DecisionRequest
from contracts.decisions import DecisionReceipt
from contracts.errors import ApprovalError, Refusal
from integrations.ledger import cases
from integrations.ledger.audit import Action


@activity.defn(name="record_decision")
@dataclass(frozen=True)
class RecordDecision:
    """Idempotent by decision id; of two decisions the ledger keeps the first and names it to the second."""

    world: World

    def __call__(self, request: DecisionRequest) -> DecisionReceipt:
        """Return the decision that holds, which may be someone else's. Raises ApprovalError (STALE, NOT_OPEN)."""
        asked = request.decision
        with boundary():
            with self.world.db.write() as tx:
                try:
                    if cases.decide(tx, asked):
                        self.world.auditor.append(
                            tx,
                            Action.DECIDE,
                            f"suggestion {asked.shown_hash}",
                            actor=f"person:{asked.reviewer.reviewer_id}",
                            case_id=asked.case_id,
                            encounter_id=request.ref.encounter_id,
                            detail=f"{asked.kind} {asked.selected or ''} as {asked.reviewer.role}",
                        )
                except ApprovalError as fault:
                    if fault.kind != Refusal.DECIDED:
                        raise
                held = cases.decision_of(tx, asked.case_id)
            assert held is not None
            self.world.live.publish(asked.case_id)
            return DecisionReceipt(
                decision_id=held.decision_id,
                case_id=held.case_id,
                kind=held.kind,
                selected=held.selected,
                decided_by=held.reviewer.name,
            )
