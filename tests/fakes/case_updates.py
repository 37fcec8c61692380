"""A stand-in for Temporal and the case workflow: what people send goes to the ledger, by the rules that it has."""

from typing import Any

from temporalio.client import WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError

from activities.world import World
from contracts.decisions import Decision, DecisionReceipt, Undo
from contracts.errors import ApprovalError, Refusal
from integrations.ledger import decisions


class CaseUpdates:
    """See `temporalio.client.Client`. Keeps what was sent; `refuses_undo` is how it answers an undo."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.decisions: list[Decision] = []
        self.undone: list[Undo] = []
        self.refuses_undo: Refusal | None = None

    def get_workflow_handle_for(self, _workflow: Any, _case_id: str) -> "CaseUpdates":
        return self

    async def execute_update(self, _update: Any, sent: Decision | Undo, **_options: Any) -> DecisionReceipt | None:
        try:
            return self._undo(sent) if isinstance(sent, Undo) else self._decide(sent)
        except ApprovalError as fault:
            detail = str(fault).partition(": ")[2] or fault.kind
            refusal = ApplicationError(detail, str(fault.kind), type=ApprovalError.__name__, non_retryable=True)
            raise WorkflowUpdateFailedError(refusal) from refusal

    def _decide(self, decision: Decision) -> DecisionReceipt:
        self.decisions.append(decision)
        with self.world.records.db.write() as tx:
            decisions.decide(tx, decision)
            receipt = decisions.receipt_of(tx, decision.case_id)
        assert receipt
        self.world.live.publish(decision.case_id)
        return receipt

    def _undo(self, undo: Undo) -> None:
        if self.refuses_undo:
            raise ApprovalError(self.refuses_undo, "Nurse Okafor")
        self.undone.append(undo)
        with self.world.records.db.write() as tx:
            decisions.undo(tx, undo)
        self.world.live.publish(undo.case_id)
