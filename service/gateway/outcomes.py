"""Learns from the chart how decided patients fared: rows beside the trajectory, which stays as it is."""

from contracts.tuning import Outcome
from integrations.fhir import patient_outcomes
from integrations.fhir.client import FhirClient
from integrations.ledger import outcomes
from integrations.ledger.attestation import Kind, Row
from integrations.ledger.audit import Action
from integrations.ledger.records import Records

BATCH = 200


def collect(records: Records, fhir: FhirClient) -> int:
    """Read anew the chart of each decided case whose Encounter changed since the last time; return how many events.

    A patient's death is seen with the next change of the encounter. A chart that is away is read at the next call.
    """
    with records.db.read() as tx:
        changed = outcomes.changed(tx, BATCH)
    for case in changed.cases:
        _keep(records, case, _read(fhir, case.encounter_id))
    if changed.event_ids:
        with records.db.write() as tx:
            outcomes.note_seen(tx, changed.event_ids[-1])
    return len(changed.event_ids)


def _read(fhir: FhirClient, encounter_id: str) -> list[Outcome]:
    encounter = fhir.find("Encounter", encounter_id)
    if encounter is None:
        return []
    patient = (encounter.get("subject") or {}).get("reference", "").rpartition("Patient/")[2]
    places = [fhir.find("Location", id_) for id_ in patient_outcomes.location_ids(encounter)]
    return patient_outcomes.outcomes(
        encounter, fhir.find("Patient", patient) if patient else None, [place for place in places if place]
    )


def _keep(records: Records, case: outcomes.DecidedCase, found: list[Outcome]) -> None:
    with records.db.write() as tx:
        new = outcomes.keep(tx, case.case_id, found)
        what, detail = f"Encounter/{case.encounter_id}", f"{len(found)} outcomes"
        rows = [Row(Kind.OUTCOME, (case.case_id, outcome.kind)) for outcome in new]
        ids = {"case_id": case.case_id, "encounter_id": case.encounter_id}
        records.auditor.append(tx, Action.READ, what, rows, detail=detail, **ids)
