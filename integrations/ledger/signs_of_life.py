"""Signs of life: when each part was last seen doing its duty, for every process and page to read."""

from collections.abc import Mapping
from datetime import datetime

import sqlalchemy as sa

from integrations.ledger.marks import set_mark
from integrations.ledger.tables import marks

PREFIX = "sign:"


def give(tx: sa.Connection, signs: Mapping[str, datetime]) -> None:
    """Note the last good sign of each part."""
    for part, at in signs.items():
        set_mark(tx, PREFIX + part, at.isoformat())


def seen(tx: sa.Connection) -> dict[str, datetime]:
    """Return the last good sign of each part that ever gave one."""
    rows = tx.execute(sa.select(marks).where(marks.c.name.startswith(PREFIX)))
    return {row.name.removeprefix(PREFIX): datetime.fromisoformat(row.value) for row in rows}
