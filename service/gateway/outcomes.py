"""Learns from the chart how decided patients fared: rows beside the trajectory, which stays as it is."""

import sqlalchemy as sa
import structlog

from activities.world import World
from contracts.cases import CaseState
from contracts.tuning import Outcome
from integrations import clock
from integrations.fhir import outcomes
from integrations.ledger import tables
from integrations.ledger.attestation import Kind, Row
from integrations.ledger.audit import Action

log = structlog.get_logger()
SEEN, BATCH = "outcomes_seen", 200


def collect(world: World) -> int:
    """Read anew the chart of each decided case whose Encounter changed since the last time; return how many events.

    A patient's death is seen with the next change of the encounter. A chart that is away is read at the next call.
    """
    inbox, cases = tables.inbox, tables.cases
    with world.db.read() as tx:
        after = int(tables.mark(tx, SEEN) or 0)
        newer = sa.select(inbox.c.event_id, inbox.c.encounter_id).where(inbox.c.event_id > after)
        events = tx.execute(
            newer.where(inbox.c.resource_type == "Encounter").order_by(inbox.c.event_id).limit(BATCH)
        ).all()
        decided = (cases.c.encounter_id.in_([event.encounter_id for event in events]), cases.c.state != CaseState.OPEN)
        known = tx.execute(sa.select(cases.c.case_id, cases.c.encounter_id).where(*decided)).all()
    for case in known:
        _keep(world, case.case_id, case.encounter_id, _read(world, case.encounter_id))
    if events:
        with world.db.write() as tx:
            tables.set_mark(tx, SEEN, str(events[-1].event_id))
    return len(events)


def of_case(tx: sa.Connection, case_id: str) -> tuple[Outcome, ...]:
    """Return what is known by now, the first known first."""
    kept = tables.outcomes
    rows = tx.execute(kept.select().where(kept.c.case_id == case_id).order_by(kept.c.known_at))
    return tuple(Outcome(kind=row.kind, known_at=row.known_at, resource=row.resource) for row in rows)


def _read(world: World, encounter_id: str) -> list[Outcome]:
    encounter = world.fhir.find("Encounter", encounter_id)
    if encounter is None:
        return []
    patient = (encounter.get("subject") or {}).get("reference", "").rpartition("Patient/")[2]
    places = [world.fhir.find("Location", id_) for id_ in outcomes.location_ids(encounter)]
    return outcomes.outcomes(
        encounter, world.fhir.find("Patient", patient) if patient else None, [place for place in places if place]
    )


def _keep(world: World, case_id: str, encounter_id: str, told: list[Outcome]) -> None:
    kept = tables.outcomes
    with world.db.write() as tx:
        known = set(tx.scalars(sa.select(kept.c.kind).where(kept.c.case_id == case_id)))
        for outcome in told:
            if outcome.kind not in known:
                tx.execute(kept.insert().values(case_id=case_id, recorded_at=clock.now(), **outcome.model_dump()))
        what, detail = f"Encounter/{encounter_id}", f"{len(told)} outcomes"
        rows = [Row(Kind.OUTCOME, (case_id, outcome.kind)) for outcome in told if outcome.kind not in known]
        world.auditor.append(tx, Action.READ, what, rows, case_id=case_id, encounter_id=encounter_id, detail=detail)
