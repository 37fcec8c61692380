"""How far recurring tasks have come, and single facts about this ledger: one named value each."""

import sqlalchemy as sa

from integrations.ledger.tables import marks

BOUND_SINCE = "values_bound_since"
"""Mark: since when the values of each new case are sealed for that case."""


def mark(tx: sa.Connection, name: str) -> str | None:
    """Return how far a recurring task has come, or None before its first time."""
    return tx.scalar(sa.select(marks.c.value).where(marks.c.name == name))


def marks_of(tx: sa.Connection, prefix: str) -> dict[str, str]:
    """Return the marks whose names begin so, without that prefix."""
    rows = tx.execute(sa.select(marks.c.name, marks.c.value).where(marks.c.name.startswith(prefix)))
    return {row.name.removeprefix(prefix): row.value for row in rows}


def set_mark(tx: sa.Connection, name: str, value: str) -> None:
    """Note how far a recurring task has come."""
    tx.execute(marks.delete().where(marks.c.name == name))
    tx.execute(marks.insert().values(name=name, value=value))
