"""What the ledger keeps of Temporal's messages: since when each value is sealed for its case, and what did not open."""

from collections.abc import Iterable
from datetime import datetime

import sqlalchemy as sa

from integrations import clock
from integrations.ledger import counters, marks, tables
from integrations.ledger.attestation import Kind, Row
from integrations.ledger.audit import Action, Auditor

COUNTER, PREFIX = "messages_refused", "refused:"
MOST_KEPT = 1000
"""Digests of refused messages, so that a replayed history does not count them again; the oldest are dropped."""


def bind(tx: sa.Connection, auditor: Auditor) -> None:
    """Note that from now on the values of each new case are sealed for it; the dispatcher does, since it opens cases.

    A new ledger has the mark from its beginning. In one of before, cases opened until then are of before.
    """
    if marks.mark(tx, marks.BOUND_SINCE) is None:
        marks.set_mark(tx, marks.BOUND_SINCE, clock.now().isoformat())
        auditor.append(tx, Action.BIND, "values of new cases", (Row(Kind.MARK, (marks.BOUND_SINCE,)),))


def opened_before(tx: sa.Connection, case_id: str) -> bool:
    """Return whether this case was accepted before values were sealed for their case; an unknown case was not."""
    since = marks.mark(tx, marks.BOUND_SINCE)
    accepted = tx.scalar(sa.select(tables.cases.c.accepted_at).where(tables.cases.c.case_id == case_id))
    return accepted is not None and (since is None or accepted < datetime.fromisoformat(since))


def note(tx: sa.Connection, digests: Iterable[str]) -> None:
    """Count each refused message once."""
    kept, moment = tables.marks, clock.now().isoformat()
    for digest in digests:
        if marks.mark(tx, PREFIX + digest) is None:
            marks.set_mark(tx, PREFIX + digest, moment)
            counters.count(tx, COUNTER)
    ours = kept.c.name.startswith(PREFIX)
    newest = sa.select(kept.c.name).where(ours).order_by(kept.c.value.desc()).limit(MOST_KEPT)
    tx.execute(kept.delete().where(ours, kept.c.name.not_in(newest)))
