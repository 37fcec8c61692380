"""What runs beside the gateway and reads the ledger alone: the watchdog, and the way of audit records to the chart."""

import asyncio
import json

import sqlalchemy as sa
import structlog
from fhir.resources.R4B.auditevent import AuditEvent

from activities.world import World
from contracts.errors import FhirError, LedgerError
from integrations.fhir.client import Resource
from integrations.fhir.notifications import TAG
from integrations.ledger import cases, tables
from integrations.ledger.audit import Action, AuditRecord

log = structlog.get_logger()
AUDIT_BATCH = 200
MARK = "audit_exported"
# AuditEvent.action, FHIR R4: create, read, update, execute
ACTION_CODES = {Action.READ: "R", Action.VIEW: "R", Action.PROPOSE: "C", Action.WRITE: "U"}


async def watchdog(world: World, every_s: float) -> None:
    """Raise each open case past its deadline, whatever has become of Temporal and its workers (I4)."""
    while True:
        await asyncio.sleep(every_s)
        try:
            await asyncio.to_thread(raise_overdue, world)
        except LedgerError as fault:
            log.error("watchdog_blind", error=type(fault).__name__)


def raise_overdue(world: World) -> None:
    """Escalate what is overdue, once."""
    with world.db.read() as tx:
        overdue = cases.overdue(tx)
    for case in overdue:
        with world.db.write() as tx:
            if cases.escalate(tx, case.case_id, 1):
                detail = "raised by the watchdog"
                world.auditor.append(tx, Action.ESCALATE, "deadline passed", case_id=case.case_id, detail=detail)
        world.live.publish(case.case_id)
        log.warning("case_overdue", case_id=case.case_id, pathway=case.pathway)


async def export_audit(world: World, every_s: float) -> None:
    """Bring each audit record to the FHIR server as an AuditEvent, in order, under its own id (I9)."""
    while True:
        try:
            exported = await asyncio.to_thread(export_batch, world)
        except (FhirError, LedgerError) as fault:
            log.warning("audit_export_waits", error=type(fault).__name__)
            exported = 0
        await asyncio.sleep(0 if exported == AUDIT_BATCH else every_s)


def export_batch(world: World) -> int:
    """Export the next records; return how many. The hash goes with each: the server anchors our chain."""
    with world.db.read() as tx:
        last = int(tx.scalar(sa.select(tables.marks.c.value).where(tables.marks.c.name == MARK)) or 0)
        query = sa.select(tables.audit).where(tables.audit.c.seq > last).order_by(tables.audit.c.seq).limit(AUDIT_BATCH)
        rows = tx.execute(query).all()
    if not rows:
        return 0
    bodies = [audit_event(row) for row in rows]
    requests = ({"method": "PUT", "url": f"AuditEvent/{body['id']}"} for body in bodies)
    world.fhir.bundle([{"resource": b, "request": r} for b, r in zip(bodies, requests, strict=True)])
    with world.db.write() as tx:
        tx.execute(tables.marks.delete().where(tables.marks.c.name == MARK))
        tx.execute(tables.marks.insert().values(name=MARK, value=str(rows[-1].seq)))
    return len(rows)


def audit_event(row: sa.Row[tuple[object, ...]]) -> Resource:
    """Return the AuditEvent of an audit row, validated."""
    record = AuditRecord.model_validate_json(row.record)
    person = record.actor.startswith("person:")
    entities: list[Resource] = [{"what": {"display": record.what}, "description": record.detail or "none"}]
    if record.encounter_id:
        entities.append({"what": {"reference": f"Encounter/{record.encounter_id}"}})
    entities.append({"what": {"identifier": {"system": f"{TAG}:audit-hash", "value": row.hash}}})
    body: Resource = {
        "resourceType": "AuditEvent",
        "id": f"wardflow-{row.chain}-{row.position}",
        "meta": {"tag": [{"system": TAG, "code": "audit"}]},
        "type": {"system": "http://terminology.hl7.org/CodeSystem/audit-event-type", "code": "rest"},
        "subtype": [{"system": f"{TAG}:action", "code": record.action}],
        "action": ACTION_CODES.get(record.action, "E"),
        "recorded": record.at.isoformat(),
        "outcome": "0",
        "agent": [{"who": {"display": record.actor}, "requestor": person}],
        "source": {"observer": {"display": "Wardflow"}},
        "entity": entities,
    }
    AuditEvent.model_validate(body)
    return json.loads(json.dumps(body))
