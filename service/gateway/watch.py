"""What runs beside the gateway and reads the ledger alone: the watchdog, and the way of audit records to the chart."""

import asyncio
import json
from datetime import timedelta
from pathlib import Path

import sqlalchemy as sa
import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from fhir.resources.R4B.auditevent import AuditEvent

from activities.world import World
from contracts.charts import TAG
from contracts.errors import FhirError, FhirFault
from integrations import clock
from integrations.fhir.client import Resource
from integrations.ledger import cases, inbox, tables
from integrations.ledger.attestation import Kind, Row
from integrations.ledger.audit import Action, AuditRecord
from service.gateway import anchors

log = structlog.get_logger()
AUDIT_BATCH = 200
EXPORTED = "audit_exported"
WRITTEN_WITHIN = timedelta(minutes=2)
LOOKED_AT_WITHIN = timedelta(minutes=1)
# AuditEvent.action, FHIR R4: create, read, update, execute
ACTION_CODES = {Action.READ: "R", Action.VIEW: "R", Action.PROPOSE: "C", Action.WRITE: "U"}


def watchdog(world: World) -> None:
    """Raise what waits, from the ledger alone, whatever has become of Temporal and its workers (I4)."""
    moment = clock.now()
    with world.db.read() as tx:
        overdue, unwritten = cases.overdue(tx), cases.unwritten(tx, moment - WRITTEN_WITHIN)
        waiting = inbox.waiting_since(tx)
    for case in overdue:
        with world.db.write() as tx:
            if cases.escalate(tx, case.case_id, 1):
                rows, fields = (Row(Kind.ESCALATED, (case.case_id,)),), {"detail": "raised by the watchdog"}
                world.auditor.append(tx, Action.ESCALATE, "deadline passed", rows, case_id=case.case_id, **fields)
        world.live.publish(case.case_id)
        log.warning("case_overdue", case_id=case.case_id, pathway=case.pathway)
    for case in unwritten:
        log.error("decision_not_in_chart", case_id=case.case_id, pathway=case.pathway)
    if waiting and moment - waiting > LOOKED_AT_WITHIN:
        log.error("events_not_looked_at", seconds=round((moment - waiting).total_seconds()))


def export_audit(world: World) -> int:
    """Bring the next audit records to the FHIR server as AuditEvents, in order, under their own ids; return how many.

    The hash goes with each: the server anchors our chain (I9). Raises FhirError where a 2xx left nothing behind.
    """
    with world.db.read() as tx:
        last = int(tables.mark(tx, EXPORTED) or 0)
        query = sa.select(tables.audit).where(tables.audit.c.seq > last).order_by(tables.audit.c.seq).limit(AUDIT_BATCH)
        rows = tx.execute(query).all()
    if not rows:
        return 0
    bodies = [audit_event(row) for row in rows]
    requests = ({"method": "PUT", "url": f"AuditEvent/{body['id']}"} for body in bodies)
    world.fhir.bundle([{"resource": b, "request": r} for b, r in zip(bodies, requests, strict=True)])
    if world.fhir.find("AuditEvent", bodies[-1]["id"]) is None:  # all or none is there
        raise FhirError(FhirFault.NOT_WRITTEN, "the audit records are not in the chart", retryable=True)
    with world.db.write() as tx:
        tables.set_mark(tx, EXPORTED, str(rows[-1].seq))
    return len(rows)


async def keep_heads(world: World, path: Path, signer: Ed25519PrivateKey) -> float:
    """Append the signed heads of the audit chains to the file: now, when this is cancelled, and again after midnight.

    Returns the seconds until the next time, when the day in UTC is over.
    """
    await asyncio.to_thread(anchors.write_heads, world.db, path, signer)
    moment = clock.now()
    midnight = (moment + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    try:
        await asyncio.sleep((midnight - moment).total_seconds())
    except asyncio.CancelledError:
        anchors.write_heads(world.db, path, signer)
        raise
    return 0.0


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
