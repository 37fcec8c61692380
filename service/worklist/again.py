"""What a person does with a case that is over: correct what was decided, or take note that nobody decided."""

from dataclasses import dataclass

import structlog

from activities.opening import open_case
from activities.world import World
from contracts.cases import ENDED, UNDECIDED, CaseState
from contracts.decisions import Reviewer
from contracts.errors import ApprovalError, LedgerError, Refusal
from integrations import clock
from integrations.ledger import cases, corrections, decisions, inbox
from integrations.ledger.attestation import Kind, Row
from integrations.ledger.audit import Action
from service.process.settings import Settings

log = structlog.get_logger()


@dataclass(frozen=True)
class Again:
    """Each is one transaction of the ledger; the dispatcher starts what was opened."""

    world: World
    settings: Settings

    def correct(self, case_id: str, reviewer: Reviewer) -> str:
        """Open the next case of the stay, which asks whether what was decided is kept, changed or withdrawn.

        Return its id; one that is open already asks it as well. Raises ApprovalError (NOT_OPEN where nothing was
        decided, ROLE, UNCONFIRMED where news opened a case at the same moment), LedgerError.
        """
        try:
            with self.world.records.db.write() as tx:
                case, decision = cases.find(tx, case_id), decisions.of_case(tx, case_id)
                if case is None or decision is None or case.state not in ENDED:
                    raise ApprovalError(Refusal.NOT_OPEN)
                pathway = self.settings.pathways[case.pathway]
                if reviewer.role not in pathway.roles:
                    raise ApprovalError(Refusal.ROLE, reviewer.role)
                latest = cases.latest(tx, case.pathway, case.encounter_id)
                assert latest is not None
                if latest.state == CaseState.OPEN:
                    opened = latest
                    inbox.tell_again(tx, case.encounter_id, "correct")  # it is to ask this as well
                else:
                    opened = open_case(
                        self.world, tx, case.pathway, case.encounter_id, latest.generation + 1, pathway.deadline,
                        clock.now(), actor=f"person:{reviewer.reviewer_id}",
                    )  # fmt: skip
                corrections.ask(tx, opened.case_id, case_id, reviewer.reviewer_id, reviewer.name)
                self.world.records.auditor.append(
                    tx, Action.CORRECT, f"decision {decision.decision_id}", (Row(Kind.CORRECTION, (opened.case_id,)),),
                    case_id=opened.case_id, encounter_id=case.encounter_id, actor=f"person:{reviewer.reviewer_id}",
                )  # fmt: skip
        except LedgerError as fault:
            if not fault.retryable:
                raise
            raise ApprovalError(Refusal.UNCONFIRMED) from None
        log.info("correction_opened", case_id=opened.case_id, corrects=case_id)
        self.world.live.publish(opened.case_id)
        return opened.case_id

    def acknowledge(self, case_id: str, reviewer: Reviewer) -> None:
        """Take note of a case that ended undecided, which leaves the list. Raises ApprovalError, LedgerError."""
        with self.world.records.db.write() as tx:
            case = cases.find(tx, case_id)
            if case is None or case.state not in UNDECIDED:
                raise ApprovalError(Refusal.NOT_OPEN)
            if corrections.acknowledge(tx, case_id, reviewer.reviewer_id):
                self.world.records.auditor.append(
                    tx, Action.ACKNOWLEDGE, "nobody had decided", (Row(Kind.ACKNOWLEDGED, (case_id,)),),
                    case_id=case_id, encounter_id=case.encounter_id, actor=f"person:{reviewer.reviewer_id}",
                )  # fmt: skip
        self.world.live.publish(case_id)
