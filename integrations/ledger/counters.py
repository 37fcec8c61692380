"""Counters, each counted in the transaction of what it counts, so that a deleted row is missed."""

import sqlalchemy as sa

from integrations.ledger.tables import counters


def count(tx: sa.Connection, name: str, by: int = 1) -> None:
    """Add to a counter in the transaction of what it counts."""
    changed = tx.execute(counters.update().where(counters.c.name == name).values(count=counters.c.count + by))
    if not changed.rowcount:
        tx.execute(counters.insert().values(name=name, count=by))


def counted(tx: sa.Connection, name: str) -> int:
    """Return a counter's value."""
    return tx.scalar(sa.select(counters.c.count).where(counters.c.name == name)) or 0
