"""The one way in which anything of ours gets into a chart: intended, written, read back, noted (I2, I15)."""

from collections.abc import Mapping

from activities.heartbeats import beat
from activities.world import World
from contracts.cases import CaseRef, CaseState
from contracts.errors import FhirError, FhirFault, LedgerError, LedgerFault
from contracts.suggestions import Suggestion
from integrations import traces
from integrations.fhir.client import Resource
from integrations.fhir.proposals import content_hash, resource_id
from integrations.ledger import cases, own_writes
from integrations.ledger.attestation import Kind, Row
from integrations.ledger.audit import Act, Action
from integrations.ledger.own_writes import Written


def write_to_chart(
    world: World, ref: CaseRef, entries: list[Resource], action: Action, ends: CaseState | None = None
) -> list[Resource]:
    """Run one transaction, read it back, and note it, with the case's end, in one ledger transaction.

    Idempotent by the resources' own ids and `ifMatch`: after a conflict, or an answer that was lost, the chart is
    read; our content there means done. Raises FhirError, retryable: CONFLICT when somebody else wrote first, so that
    the next attempt reads anew, and NOT_WRITTEN when a 2xx left nothing behind.
    """
    bodies = [entry["resource"] for entry in entries]
    with world.records.db.write() as tx:
        unfinished = [
            own_writes.intend(tx, ref.case_id, body["resourceType"], body["id"], content_hash(body)) for body in bodies
        ]
    with traces.span("chart_write", resources=len(bodies)):
        there = _read_back(world, bodies) if any(unfinished) else None
        if there is None:
            beat()
            try:
                world.fhir.bundle(entries)
            except FhirError as fault:
                if fault.kind != FhirFault.CONFLICT:
                    raise
            there = _read_back(world, bodies)
    if there is None:
        raise FhirError(FhirFault.NOT_WRITTEN, "the chart does not hold what was sent", retryable=True)
    note_writes(world, ref, there, action, ends)
    return there


def suggestion_of(world: World, ref: CaseRef, blob: str) -> Suggestion:
    """Return the suggestion of a case. Raises LedgerError for one of another encounter or pathway (I21)."""
    suggestion = world.records.suggestion(blob)
    if (suggestion.facts.encounter_id, suggestion.pathway) != (ref.encounter_id, ref.pathway):
        raise LedgerError(LedgerFault.FOREIGN_SUGGESTION, f"of case {ref.case_id[:12]}")
    return suggestion


def proposed(world: World, ref: CaseRef) -> Resource | None:
    """Return the case's Task as the chart has it, or None.

    What an earlier try wrote without learning of it is noted first, since it will be written over.
    """
    task = world.fhir.find("Task", resource_id(ref, "task"))
    if task is None:
        return None
    with world.records.db.read() as tx:
        intended = own_writes.intended(tx, "Task", task["id"])
    if intended == content_hash(task):
        note_writes(world, ref, [task], Action.PROPOSE if task["status"] == "requested" else Action.WRITE, None)
    return task


def note_writes(world: World, ref: CaseRef, written: list[Resource], action: Action, ends: CaseState | None) -> None:
    """Note versions and audit records of what is in the chart, and end the case with them."""
    versions = [
        Written(found["resourceType"], found["id"], found["meta"]["versionId"], content_hash(found))
        for found in written
    ]
    fields = {"case_id": ref.case_id, "encounter_id": ref.encounter_id}
    with world.records.db.write() as tx:
        acts = [_act(action, version, fields) for version in own_writes.wrote(tx, ref.case_id, versions)]
        if ends:
            cases.end(tx, ref.case_id, ends)
            acts.append(Act(Action.END, ends, (Row(Kind.ENDED, (ref.case_id,)),), {"case_id": ref.case_id}))
        world.records.auditor.append_all(tx, acts)


def _act(action: Action, written: Written, fields: Mapping[str, str]) -> Act:
    at = written.resource_type, written.resource_id, written.version_id
    return Act(action, "{}/{}/_history/{}".format(*at), (Row(Kind.OWN_WRITE, at),), fields)


def _read_back(world: World, bodies: list[Resource]) -> list[Resource] | None:
    """Return the resources as the server has them, or None where one is missing or not ours: a 2xx proves nothing."""
    found: list[Resource] = []
    for body in bodies:
        beat()
        there = world.fhir.find(body["resourceType"], body["id"])
        if there is None or content_hash(there) != content_hash(body):
            return None
        found.append(there)
    return found
