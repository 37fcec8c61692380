"""The watchdog: first escalation of overdue cases, and an alarm for what waits, from the ledger alone (I4)."""

from datetime import timedelta

import structlog

from integrations import clock
from integrations.ledger import cases, inbox
from integrations.ledger.attestation import Kind, Row
from integrations.ledger.audit import Action
from integrations.ledger.records import Records
from integrations.live.worklist import LiveWorklist

log = structlog.get_logger()
WRITTEN_WITHIN = timedelta(minutes=2)
LOOKED_AT_WITHIN = timedelta(minutes=1)


def watchdog(records: Records, live: LiveWorklist) -> None:
    """Raise what waits, from the ledger alone, whatever has become of Temporal and its workers (I4)."""
    moment = clock.now()
    with records.db.read() as tx:
        overdue, unwritten = cases.overdue(tx), cases.unwritten(tx, moment - WRITTEN_WITHIN)
        waiting = inbox.waiting_since(tx)
    for case in overdue:
        with records.db.write() as tx:
            if cases.escalate(tx, case.case_id, 1):
                rows, fields = (Row(Kind.ESCALATED, (case.case_id,)),), {"detail": "raised by the watchdog"}
                records.auditor.append(tx, Action.ESCALATE, "deadline passed", rows, case_id=case.case_id, **fields)
        live.publish(case.case_id)
        log.warning("case_overdue", case_id=case.case_id, pathway=case.pathway)
    for case in unwritten:
        log.error("decision_not_in_chart", case_id=case.case_id, pathway=case.pathway)
    if waiting and abs(moment - waiting) > LOOKED_AT_WITHIN:  # in the future: the clock was set back
        log.error("events_not_looked_at", seconds=round((moment - waiting).total_seconds()))
