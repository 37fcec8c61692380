"""Which accepted events each case was given: one event may inform several pathways."""

from collections.abc import Collection, Iterable

import sqlalchemy as sa

from contracts.events import Fate
from contracts.frozen import Frozen
from integrations.ledger import inbox
from integrations.ledger.tables import cases, deliveries
from integrations.ledger.tables import inbox as inbox_rows


def of_case(tx: sa.Connection, case_id: str) -> list[int]:
    """Return the events that were delivered to a case."""
    return list(
        tx.scalars(
            sa.select(deliveries.c.event_id).where(deliveries.c.case_id == case_id).order_by(deliveries.c.event_id)
        )
    )


def without(tx: sa.Connection, case_ids: Collection[str]) -> set[str]:
    """Return those of the cases that were given no event yet."""
    given = sa.select(deliveries.c.case_id).where(deliveries.c.case_id.in_(case_ids)).distinct()
    return set(case_ids) - set(tx.scalars(given))


def absorb(tx: sa.Connection, event_ids: Iterable[int], case_id: str, held: set[int]) -> set[int]:
    """Settle events as given to a case, but those held for another case; the fate names one case, `deliveries` each.

    Returns those that the case had not been given before.
    """
    ids = list(event_ids)
    known = set(
        tx.scalars(
            sa.select(deliveries.c.event_id).where(deliveries.c.case_id == case_id, deliveries.c.event_id.in_(ids))
        )
    )
    new = set(ids) - known
    if new:
        tx.execute(deliveries.insert(), [{"event_id": event_id, "case_id": case_id} for event_id in new])
    inbox.settle(tx, set(ids) - held, Fate.ABSORBED, case_id=case_id)
    return new


class OddDelivery(Frozen):
    """A delivery whose event has a fate that no delivered event has, or whose case is missing."""

    event_id: int
    case_id: str
    fate: str | None
    """None: the event is not in the ledger."""


def absorbed_undelivered(tx: sa.Connection) -> list[int]:
    """Return the absorbed events that the case which their fate names was not given (I1)."""
    same = (deliveries.c.event_id == inbox_rows.c.event_id, deliveries.c.case_id == inbox_rows.c.case_id)
    missing = (inbox_rows.c.fate == Fate.ABSORBED, ~sa.exists().where(*same))
    return list(tx.scalars(sa.select(inbox_rows.c.event_id).where(*missing)))


def odd(tx: sa.Connection) -> list[OddDelivery]:
    """Return the deliveries that do not fit the fate of their event, or whose case is not in the ledger (I1)."""
    joined = sa.select(deliveries.c.event_id, deliveries.c.case_id, inbox_rows.c.fate).outerjoin(
        inbox_rows, inbox_rows.c.event_id == deliveries.c.event_id
    )
    fates = (Fate.ABSORBED, Fate.PENDING)  # a pending one waits for the case of another pathway
    unfit = sa.or_(inbox_rows.c.fate.is_(None), inbox_rows.c.fate.not_in(fates))
    unknown = deliveries.c.case_id.not_in(sa.select(cases.c.case_id))
    rows = tx.execute(joined.where(unfit | unknown)).mappings()
    return [OddDelivery.model_validate(dict(row)) for row in rows]
