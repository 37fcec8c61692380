"""What a pathway freezes of a chart, read from the FHIR server as it is now."""

import json
from collections.abc import Iterator
from urllib.parse import quote

import structlog

from activities.heartbeats import beat
from activities.world import World
from agents.charts import reference
from contracts.errors import FhirError, FhirFault
from integrations.fhir.client import Resource
from integrations.ledger import inbox

log = structlog.get_logger()
MOST_ANNOUNCED_BYTES = 32 * 1024 * 1024
"""Of one resource that is read by an id which a feed announced."""


def read_resources(world: World, pathway: str, encounter_id: str) -> list[Resource]:
    """Return what the pathway freezes of a chart, as the server has it now. Raises FhirError."""
    encounter = world.fhir.read("Encounter", encounter_id)
    kind, _, patient = reference(encounter, "subject").removeprefix(f"{world.fhir.base_url}/").partition("/")
    found = [encounter]
    for query in world.pathways[pathway].chart_queries(encounter_id):
        if "?" not in query:
            found += _announced(world, query, encounter_id)
            continue
        if "{reasons}" in query:
            found += _reasons(world, query, encounter)
            continue
        # A patient who is unidentified, or of another server, has no record here to look up.
        if kind == "Patient" or "{patient}" not in query:
            for page in world.fhir.pages(query.format(patient=quote(patient, safe=""))):
                beat()
                found += page
    # Some servers answer with absolute references; what points at this server is made relative, as agents read it.
    text = json.dumps(found).replace(f'"reference": "{world.fhir.base_url}/', '"reference": "')
    return json.loads(text.replace(f'"url": "{world.fhir.base_url}/Binary/', '"url": "Binary/'))


def _reasons(world: World, query: str, encounter: Resource) -> list[Resource]:
    """Return the Conditions that the Encounter names as its reasons, as far as the server shows them."""
    told = (str(one.get("reference") or "") for one in encounter.get("reasonReference") or () if isinstance(one, dict))
    parts = [where.removeprefix(f"{world.fhir.base_url}/").partition("/_history/")[0].split("/") for where in told]
    ids = [
        quote(part[1], safe="") for part in parts if len(part) == len(("Condition", "id")) and part[0] == "Condition"
    ]
    if not ids:
        return []
    beat()
    try:
        return [found for page in world.fhir.pages(query.format(reasons=",".join(ids))) for found in page]
    except FhirError as fault:
        if fault.retryable:
            raise
        log.warning("reasons_not_read", **fault.log_fields())
        return []


def _announced(world: World, resource_type: str, encounter_id: str) -> Iterator[Resource]:
    """Yield what feeds told of an encounter, as the server has it now: of a type that can't be searched by it."""
    with world.records.db.read() as tx:
        ids = inbox.told_of(tx, resource_type, encounter_id)
    for id_ in ids:
        beat()
        try:
            yield world.fhir.read(resource_type, id_, MOST_ANNOUNCED_BYTES)
        except FhirError as fault:
            if fault.kind == FhirFault.TOO_LARGE:  # a person is told, by the size that nobody takes
                where = {"reference": f"Encounter/{encounter_id}"}
                stub = {"id": id_, "contentType": "audio/*", "securityContext": where, "size": MOST_ANNOUNCED_BYTES}
                yield {"resourceType": resource_type} | stub
            elif fault.kind != FhirFault.MISSING:
                raise
