"""Learns from the chart how decided patients fared: rows beside the trajectory, which stays as it is."""

from activities.world import World
from contracts.tuning import Outcome
from integrations.fhir import outcomes as readings
from integrations.ledger import outcomes
from integrations.ledger.attestation import Kind, Row
from integrations.ledger.audit import Action

BATCH = 200


def collect(world: World) -> int:
    """Read anew the chart of each decided case whose Encounter changed since the last time; return how many events.

    A patient's death is seen with the next change of the encounter. A chart that is away is read at the next call.
    """
    with world.db.read() as tx:
        changed = outcomes.changed(tx, BATCH)
    for case in changed.cases:
        _keep(world, case, _read(world, case.encounter_id))
    if changed.event_ids:
        with world.db.write() as tx:
            outcomes.note_seen(tx, changed.event_ids[-1])
    return len(changed.event_ids)


def _read(world: World, encounter_id: str) -> list[Outcome]:
    encounter = world.fhir.find("Encounter", encounter_id)
    if encounter is None:
        return []
    patient = (encounter.get("subject") or {}).get("reference", "").rpartition("Patient/")[2]
    places = [world.fhir.find("Location", id_) for id_ in readings.location_ids(encounter)]
    return readings.outcomes(
        encounter, world.fhir.find("Patient", patient) if patient else None, [place for place in places if place]
    )


def _keep(world: World, case: outcomes.DecidedCase, found: list[Outcome]) -> None:
    with world.db.write() as tx:
        new = outcomes.keep(tx, case.case_id, found)
        what, detail = f"Encounter/{case.encounter_id}", f"{len(found)} outcomes"
        rows = [Row(Kind.OUTCOME, (case.case_id, outcome.kind)) for outcome in new]
        ids = {"case_id": case.case_id, "encounter_id": case.encounter_id}
        world.auditor.append(tx, Action.READ, what, rows, detail=detail, **ids)
