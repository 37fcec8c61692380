"""Which accepted events each case was given: one event may inform several pathways."""

from collections.abc import Iterable

import sqlalchemy as sa

from contracts.events import Fate
from integrations.ledger import inbox
from integrations.ledger.tables import told


def of_case(tx: sa.Connection, case_id: str) -> list[int]:
    """Return the events that a case was told of."""
    return list(tx.scalars(sa.select(told.c.event_id).where(told.c.case_id == case_id).order_by(told.c.event_id)))


def absorb(tx: sa.Connection, event_ids: Iterable[int], case_id: str, held: set[int]) -> set[int]:
    """Settle events as given to a case, but those held for another case; the fate names one case, `told` each.

    Returns those that the case had not been given before.
    """
    ids = list(event_ids)
    known = set(tx.scalars(sa.select(told.c.event_id).where(told.c.case_id == case_id, told.c.event_id.in_(ids))))
    new = set(ids) - known
    if new:
        tx.execute(told.insert(), [{"event_id": event_id, "case_id": case_id} for event_id in new])
    inbox.settle(tx, set(ids) - held, Fate.ABSORBED, case_id=case_id)
    return new
