"""The audit's way out of the ledger: records to the chart, and the signed heads of its chains to a file (I9)."""

import asyncio
from datetime import timedelta
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from contracts.errors import FhirError, FhirFault
from integrations import clock
from integrations.fhir.audit_events import audit_event
from integrations.fhir.client import FhirClient
from integrations.ledger import audit
from integrations.ledger.database import Database
from service.gateway import anchors

AUDIT_BATCH = 200


def export_audit(db: Database, fhir: FhirClient) -> int:
    """Bring the next audit records to the FHIR server as AuditEvents, in order, under their own ids; return how many.

    The hash goes with each: the server anchors our chain (I9). Raises FhirError where a 2xx left nothing behind.
    """
    with db.read() as tx:
        records = audit.to_export(tx, AUDIT_BATCH)
    if not records:
        return 0
    bodies = [audit_event(record) for record in records]
    requests = ({"method": "PUT", "url": f"AuditEvent/{body['id']}"} for body in bodies)
    fhir.bundle([{"resource": b, "request": r} for b, r in zip(bodies, requests, strict=True)])
    if fhir.find("AuditEvent", bodies[-1]["id"]) is None:  # all or none is there
        raise FhirError(FhirFault.NOT_WRITTEN, "the audit records are not in the chart", retryable=True)
    with db.write() as tx:
        audit.note_exported(tx, records[-1].seq)
    return len(records)


async def keep_heads(db: Database, path: Path, signer: Ed25519PrivateKey) -> float:
    """Append the signed heads of the audit chains to the file: now, when this is cancelled, and again after midnight.

    Returns the seconds until the next time, when the day in UTC is over.
    """
    await asyncio.to_thread(anchors.write_heads, db, path, signer)
    moment = clock.now()
    midnight = (moment + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    try:
        await asyncio.sleep((midnight - moment).total_seconds())
    except asyncio.CancelledError:
        anchors.write_heads(db, path, signer)
        raise
    return 0.0
