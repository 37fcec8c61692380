"""What the calls of a role's model cost today, for every process to read."""

from collections.abc import Mapping

import sqlalchemy as sa

from contracts.frozen import Frozen
from integrations import clock
from integrations.ledger.database import Database
from integrations.ledger.marks import mark, set_mark

PREFIX = "spent:"


class Spent(Frozen):
    """Of one day in UTC."""

    day: str
    tokens: int = 0
    cost: float = 0.0
    """In the currency of the configuration."""
    told: bool = False
    """Whether it is in the audit that the budget is spent."""


def today(tx: sa.Connection, role: str) -> Spent:
    """Return what the role's calls cost so far."""
    day, value = clock.now().date().isoformat(), mark(tx, PREFIX + role)
    spent = Spent.model_validate_json(value) if value else None
    return spent if spent and spent.day == day else Spent(day=day)


def used_up(db: Database, budgets: Mapping[str, float]) -> list[str]:
    """Return the roles whose budget of the day (in the currency of the configuration) is spent. Raises LedgerError."""
    if not budgets:
        return []
    with db.read() as tx:
        return [role for role, most in budgets.items() if today(tx, role).cost >= most]


def note(tx: sa.Connection, role: str, spent: Spent) -> None:
    """Keep what was spent; the days before are forgotten."""
    set_mark(tx, PREFIX + role, spent.model_dump_json())
