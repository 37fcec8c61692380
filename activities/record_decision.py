"""Put a decision into the ledger, or take one back: only then a person is told that it is done."""

from dataclasses import dataclass

from temporalio import activity

from activities.boundary import boundary
from activities.world import World
from contracts.cases import CaseOutcome, CaseState, DecisionRequest, UndoRequest
from contracts.decisions import Decision, DecisionReceipt
from contracts.errors import ApprovalError, Refusal
from integrations.ledger import cases, decisions
from integrations.ledger.attestation import Kind, Row
from integrations.ledger.audit import Action


@activity.defn(name="record_decision")
@dataclass(frozen=True)
class RecordDecision:
    """Idempotent by decision id; of two decisions the ledger keeps the first and names it to the second."""

    world: World

    def __call__(self, request: DecisionRequest) -> DecisionReceipt:
        """Return the decision that holds, which may be another's. Raises ApprovalError (STALE, NOT_OPEN, UNDONE)."""
        decision = request.decision
        with boundary():
            with self.world.records.db.write() as tx:
                try:
                    if decisions.decide(tx, decision):
                        self.world.records.auditor.append(
                            tx,
                            Action.DECIDE,
                            f"suggestion {decision.shown_hash}",
                            rows=(Row(Kind.DECISION, (decision.decision_id,)),),
                            actor=f"person:{decision.reviewer.reviewer_id}",
                            case_id=decision.case_id,
                            encounter_id=request.ref.encounter_id,
                            detail=_detail(decision),
                        )
                except ApprovalError as fault:
                    if fault.kind != Refusal.DECIDED:
                        raise
                receipt = decisions.receipt_of(tx, decision.case_id)
            assert receipt is not None
            self.world.live.publish(decision.case_id)
            return receipt


def _detail(decision: Decision) -> str:
    evidence = f", evidence {decision.evidence}" if decision.evidence else ""
    return f"{decision.kind} {decision.selected or ''} as {decision.reviewer.role}{evidence}"


@activity.defn(name="undo_decision")
@dataclass(frozen=True)
class UndoDecision:
    """Idempotent by decision id: taken back once, and never recorded again."""

    world: World

    def __call__(self, request: UndoRequest) -> CaseOutcome | None:
        """Open the case again, or end it where news has opened the next one; return how it stands.

        Raises ApprovalError (NOT_OPEN, DECIDED, NOT_YOURS, TOO_LATE).
        """
        undo = request.undo
        with boundary():
            with self.world.records.db.write() as tx:
                if decisions.undo(tx, undo):
                    case = cases.find(tx, undo.case_id)
                    assert case is not None
                    later = cases.latest(tx, case.pathway, case.encounter_id)
                    rows = (Row(Kind.DECISION, (undo.decision_id,)), Row(Kind.UNDONE, (undo.decision_id,)))
                    if case.state == CaseState.CONTINUED and later:
                        rows += (Row(Kind.ENDED, (case.case_id,)), Row(Kind.OPENED, (later.case_id,)))
                    self.world.records.auditor.append(
                        tx,
                        Action.UNDO,
                        f"decision {undo.decision_id}",
                        rows=rows,
                        actor=f"person:{undo.reviewer.reviewer_id}",
                        case_id=undo.case_id,
                        encounter_id=request.ref.encounter_id,
                        detail=f"as {undo.reviewer.role}",
                    )
                case = cases.find(tx, undo.case_id)
            self.world.live.publish(undo.case_id)
            return CaseOutcome(case_id=undo.case_id, state=case.state) if case else None
