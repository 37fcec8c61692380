"""The one way in which anything of ours gets into a chart: intended, written, read back, noted (I2, I15)."""

from activities.world import World
from contracts.cases import CaseRef
from contracts.errors import FhirError, FhirFault
from integrations.fhir.client import Resource
from integrations.fhir.proposals import content_hash
from integrations.ledger import cases
from integrations.ledger.audit import Action


def write_to_chart(world: World, ref: CaseRef, entries: list[Resource], action: Action) -> list[Resource]:
    """Run one transaction and return the resources as the server has them after it.

    Idempotent by the resources' own ids and `ifMatch`: after a conflict, or an answer that was lost, the chart is
    read; our content there means done. Raises FhirError (CONFLICT, when somebody else wrote first).
    """
    bodies = [entry["resource"] for entry in entries]
    with world.db.write() as tx:
        unfinished = [
            cases.intend_write(tx, ref.case_id, body["resourceType"], body["id"], content_hash(body)) for body in bodies
        ]
    try:
        if not (any(unfinished) and _is_ours(world, bodies)):
            world.fhir.bundle(entries)
    except FhirError as fault:
        if fault.kind != FhirFault.CONFLICT or not _is_ours(world, bodies):
            raise
    # A 2xx is not proof of a write: only what can be read back counts.
    there = [world.fhir.read(body["resourceType"], body["id"]) for body in bodies]
    if any(content_hash(found) != content_hash(body) for found, body in zip(there, bodies, strict=True)):
        raise FhirError(FhirFault.NOT_WRITTEN, "read back something else", retryable=True)
    with world.db.write() as tx:
        for found in there:
            type_, id_, version = found["resourceType"], found["id"], found["meta"]["versionId"]
            cases.wrote(tx, ref.case_id, type_, id_, version, content_hash(found))
            what = f"{type_}/{id_}/_history/{version}"
            world.auditor.append(tx, action, what, case_id=ref.case_id, encounter_id=ref.encounter_id)
    return there


def _is_ours(world: World, bodies: list[Resource]) -> bool:
    try:
        return all(
            content_hash(world.fhir.read(body["resourceType"], body["id"])) == content_hash(body) for body in bodies
        )
    except FhirError as fault:
        if fault.kind == FhirFault.MISSING:
            return False
        raise
