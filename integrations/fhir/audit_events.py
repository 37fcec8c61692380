"""An audit record as an AuditEvent."""

import json

from fhir.resources.R4B.auditevent import AuditEvent

from contracts.charts import TAG
from integrations.fhir.client import Resource
from integrations.ledger.audit import Action, KeptRecord

# AuditEvent.action, FHIR R4: create, read, update, execute
ACTION_CODES = {Action.READ: "R", Action.VIEW: "R", Action.PROPOSE: "C", Action.WRITE: "U"}


def audit_event(kept: KeptRecord) -> Resource:
    """Return the AuditEvent of an audit record, validated."""
    record = kept.record
    person = record.actor.startswith("person:")
    entities: list[Resource] = [{"what": {"display": record.what}, "description": record.detail or "none"}]
    if record.encounter_id:
        entities.append({"what": {"reference": f"Encounter/{record.encounter_id}"}})
    entities.append({"what": {"identifier": {"system": f"{TAG}:audit-hash", "value": kept.hash}}})
    body: Resource = {
        "resourceType": "AuditEvent",
        "id": f"wardflow-{kept.chain}-{kept.position}",
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
