"""How many live cases had no running workflow at the last look, and since when."""

from datetime import datetime, timedelta

import sqlalchemy as sa

from contracts.cases import ENDED
from contracts.frozen import Frozen
from integrations import clock
from integrations.ledger import marks, tables

MARK = "cases_without_workflow"


class Stranded(Frozen):
    count: int = 0
    since: datetime | None = None


def live(tx: sa.Connection, older_than: timedelta) -> set[str]:
    """Return the ids of the cases that wait for a decision or its write-back and were accepted that long ago."""
    accepted = tables.cases.c.accepted_at < clock.now() - older_than
    return set(tx.scalars(sa.select(tables.cases.c.case_id).where(tables.cases.c.state.not_in(ENDED), accepted)))


def last(tx: sa.Connection) -> Stranded:
    """Return what the last look found."""
    found = marks.mark(tx, MARK)
    return Stranded.model_validate_json(found) if found else Stranded()


def note(tx: sa.Connection, count: int) -> None:
    """Keep what a look found; `since` is when cases were first found without a workflow."""
    since = (last(tx).since or clock.now()) if count else None
    marks.set_mark(tx, MARK, Stranded(count=count, since=since).model_dump_json())
