"""What the chart showed after a decision, as rows of their own: a trajectory never changes."""

from collections.abc import Iterable

import sqlalchemy as sa

from contracts.cases import CaseState
from contracts.frozen import Frozen
from contracts.tuning import Outcome
from integrations import clock
from integrations.ledger.marks import mark, set_mark
from integrations.ledger.tables import cases, inbox, outcomes

SEEN = "outcomes_seen"
"""The mark of the newest event up to which changed encounters were looked at."""


class DecidedCase(Frozen):
    case_id: str
    encounter_id: str


class ChangedStays(Frozen):
    """The next events about encounters that nobody has looked at for outcomes, and the decided cases of those."""

    event_ids: tuple[int, ...]
    cases: tuple[DecidedCase, ...]


def changed(tx: sa.Connection, most: int) -> ChangedStays:
    """Return the next changes of encounters, at most `most` events."""
    after = int(mark(tx, SEEN) or 0)
    newer = sa.select(inbox.c.event_id, inbox.c.encounter_id).where(inbox.c.event_id > after)
    events = tx.execute(newer.where(inbox.c.resource_type == "Encounter").order_by(inbox.c.event_id).limit(most)).all()
    decided = (cases.c.encounter_id.in_([event.encounter_id for event in events]), cases.c.state != CaseState.OPEN)
    rows = tx.execute(sa.select(cases.c.case_id, cases.c.encounter_id).where(*decided)).mappings()
    return ChangedStays(
        event_ids=tuple(event.event_id for event in events),
        cases=tuple(DecidedCase.model_validate(dict(row)) for row in rows),
    )


def note_seen(tx: sa.Connection, event_id: int) -> None:
    """Note up to which event changed encounters were looked at."""
    set_mark(tx, SEEN, str(event_id))


def of_case(tx: sa.Connection, case_id: str) -> tuple[Outcome, ...]:
    """Return what is known by now, the first known first."""
    rows = tx.execute(outcomes.select().where(outcomes.c.case_id == case_id).order_by(outcomes.c.known_at))
    return tuple(Outcome(kind=row.kind, known_at=row.known_at, resource=row.resource) for row in rows)


def keep(tx: sa.Connection, case_id: str, found: Iterable[Outcome]) -> list[Outcome]:
    """Record the outcomes of a case whose kind is not recorded yet, and return those."""
    known = set(tx.scalars(sa.select(outcomes.c.kind).where(outcomes.c.case_id == case_id)))
    new = [outcome for outcome in found if outcome.kind not in known]
    for outcome in new:
        tx.execute(outcomes.insert().values(case_id=case_id, recorded_at=clock.now(), **outcome.model_dump()))
    return new
