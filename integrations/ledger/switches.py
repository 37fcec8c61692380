"""What people have stopped: a model or a pathway, which then goes by rules and people alone (I14)."""

import json

import sqlalchemy as sa

from integrations import clock
from integrations.ledger.attestation import Kind, Row
from integrations.ledger.audit import Action, Auditor
from integrations.ledger.marks import mark, set_mark
from integrations.ledger.tables import marks

PREFIX = "stopped:"


def switch(tx: sa.Connection, auditor: Auditor, what: str, by: str, *, stopped: bool) -> None:
    """Stop or start `model:ROLE` or `pathway:NAME` for every process at once; audited in the same transaction."""
    if stopped:
        set_mark(tx, PREFIX + what, json.dumps({"by": by, "at": clock.now().isoformat(timespec="seconds")}))
    else:
        tx.execute(marks.delete().where(marks.c.name == PREFIX + what))
    rows = (Row(Kind.MARK, (PREFIX + what,)),)
    auditor.append(tx, Action.STOP if stopped else Action.START, what, rows, actor=f"person:{by}")


def is_stopped(tx: sa.Connection, role: str, pathway: str) -> bool:
    """Return whether a person stopped that model or that pathway."""
    return any(mark(tx, f"{PREFIX}{what}") for what in (f"model:{role}", f"pathway:{pathway}"))


def all_stopped(tx: sa.Connection) -> dict[str, str]:
    """Return what is stopped, and by whom."""
    rows = tx.execute(sa.select(marks).where(marks.c.name.startswith(PREFIX)).order_by(marks.c.name))
    return {row.name.removeprefix(PREFIX): json.loads(row.value)["by"] for row in rows}
