"""Raise a case that waited past its deadline; a notification, never a decision (I4)."""

from dataclasses import dataclass

from temporalio import activity

from activities.boundary import boundary
from activities.world import World
from contracts.cases import EscalationRequest
from integrations.ledger import cases
from integrations.ledger.attestation import Kind, Row
from integrations.ledger.audit import Action


@activity.defn(name="escalate_case")
@dataclass(frozen=True)
class EscalateCase:
    """Idempotent: a step is taken once, whoever comes first, this or the watchdog."""

    world: World

    def __call__(self, request: EscalationRequest) -> None:
        case_id = request.ref.case_id
        with boundary(), self.world.records.db.write() as tx:
            if cases.escalate(tx, case_id, request.step):
                detail, rows = f"step {request.step}", (Row(Kind.ESCALATED, (case_id,)),)
                self.world.records.auditor.append(
                    tx, Action.ESCALATE, "deadline passed", rows, case_id=case_id, detail=detail
                )
        self.world.live.publish(case_id)
