"""Cases that a person opened to correct what was decided before, and those that a person took note of."""

from collections.abc import Collection
from datetime import datetime

import sqlalchemy as sa

from contracts.cases import CaseState
from contracts.frozen import Frozen
from integrations import clock
from integrations.ledger.tables import acknowledged, cases, corrections


class Asked(Frozen):
    """Who opened a case to correct another; columns of `tables.corrections`."""

    case_id: str
    corrects: str
    reviewer: str
    name: str
    asked_at: datetime


def ask(tx: sa.Connection, case_id: str, corrects: str, reviewer: str, name: str) -> None:
    """Note that a person asks in this case to correct what was decided in another; who asked first stays."""
    if asked(tx, case_id):
        return
    tx.execute(
        corrections.insert().values(
            case_id=case_id, corrects=corrects, reviewer=reviewer, name=name, asked_at=clock.now()
        )
    )


def asked(tx: sa.Connection, case_id: str) -> Asked | None:
    """Return who opened the case to correct another, or None where news did."""
    row = tx.execute(corrections.select().where(corrections.c.case_id == case_id)).mappings().first()
    return Asked.model_validate(dict(row)) if row else None


def waiting(tx: sa.Connection) -> list[str]:
    """Return the cases that people opened and that have shown nothing yet."""
    joined = sa.select(corrections.c.case_id).join(cases, cases.c.case_id == corrections.c.case_id)
    return list(tx.scalars(joined.where(cases.c.state == CaseState.OPEN, cases.c.version == 0)))


def acknowledge(tx: sa.Connection, case_id: str, reviewer: str) -> bool:
    """Note that a person took note of a case that ended undecided; False if somebody had before."""
    if tx.scalar(sa.select(acknowledged.c.case_id).where(acknowledged.c.case_id == case_id)):
        return False
    tx.execute(acknowledged.insert().values(case_id=case_id, reviewer=reviewer, acknowledged_at=clock.now()))
    return True


def acknowledged_of(tx: sa.Connection, case_ids: Collection[str]) -> set[str]:
    """Return those of the cases that a person took note of."""
    return set(tx.scalars(sa.select(acknowledged.c.case_id).where(acknowledged.c.case_id.in_(case_ids))))
