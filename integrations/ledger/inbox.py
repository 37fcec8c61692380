"""Accepted events and their fates."""

from collections.abc import Iterable, Sequence
from datetime import datetime

import sqlalchemy as sa

from contracts.events import AcceptedEvent, Fate, FhirEvent
from integrations.blobs.store import BlobStore
from integrations.ledger.tables import Database, counters, inbox, now, own_writes, told

BODY_BYTES = 64 * 1024  # larger bodies go to the blob store
ENCOUNTERS_AT_ONCE = 500


def count(tx: sa.Connection, name: str, by: int = 1) -> None:
    """Add to a counter in the transaction of what it counts."""
    changed = tx.execute(counters.update().where(counters.c.name == name).values(count=counters.c.count + by))
    if not changed.rowcount:
        tx.execute(counters.insert().values(name=name, count=by))


def counted(tx: sa.Connection, name: str) -> int:
    """Return a counter's value."""
    return tx.scalar(sa.select(counters.c.count).where(counters.c.name == name)) or 0


def accept(db: Database, blobs: BlobStore, events: Sequence[FhirEvent]) -> int:
    """Put a batch into the inbox, on disk when this returns; versions already there change nothing.

    Returns the number of new rows. Raises LedgerError, and then none of the batch was accepted.
    """
    rows: list[dict[str, object]] = []
    for event in events:
        large = len(event.body) > BODY_BYTES
        rows.append(
            event.model_dump(include={"feed", "resource_type", "resource_id", "version_id", "encounter_id", "own"})
            | {
                "body": None if large or not event.body else blobs.keyring.seal(event.body, "inbox"),
                "body_blob": blobs.put(event.body) if large else None,
                "accepted_at": now(),
                "fate": Fate.QUARANTINED if event.quarantine else Fate.PENDING,
                "reason": event.quarantine,
            }
        )
    key = ["feed", "resource_type", "resource_id", "version_id"]
    with db.write() as tx:
        new = 0
        for row in rows:
            exists = tx.scalar(sa.select(inbox.c.event_id).where(*(inbox.c[k] == row[k] for k in key)))
            if exists is None:
                tx.execute(inbox.insert().values(row))
                new += 1
        if new:
            count(tx, "events_accepted", new)
        return new


def pending(tx: sa.Connection) -> list[AcceptedEvent]:
    """Return the pending events in the order of acceptance, without bodies, of the encounters that wait longest.

    A bound on encounters, not on events: one whose events have to wait can't keep others from being seen.
    """
    waiting = inbox.c.fate == Fate.PENDING
    first = sa.func.min(inbox.c.event_id)
    oldest = sa.select(inbox.c.encounter_id).where(waiting).group_by(inbox.c.encounter_id).order_by(first)
    named = inbox.c.encounter_id.in_(oldest.limit(ENCOUNTERS_AT_ONCE))
    rows = tx.execute(
        sa.select(inbox).where(waiting, named | inbox.c.encounter_id.is_(None)).order_by(inbox.c.event_id)
    )
    return [_accepted(row) for row in rows]


def waiting_since(tx: sa.Connection) -> datetime | None:
    """Return when the oldest pending event was accepted, or None: what nobody has looked at must not look calm."""
    return tx.scalar(sa.select(sa.func.min(inbox.c.accepted_at)).where(inbox.c.fate == Fate.PENDING))


def _accepted(row: sa.Row[tuple[object, ...]]) -> AcceptedEvent:
    event = FhirEvent(
        feed=row.feed,
        resource_type=row.resource_type,
        resource_id=row.resource_id,
        version_id=row.version_id,
        encounter_id=row.encounter_id,
        own=row.own,
    )
    return AcceptedEvent(event_id=row.event_id, event=event, accepted_at=row.accepted_at, case_id=row.case_id)


def body(tx: sa.Connection, blobs: BlobStore, event_id: int) -> bytes:
    """Return what the feed sent, as it was."""
    row = tx.execute(sa.select(inbox.c.body, inbox.c.body_blob).where(inbox.c.event_id == event_id)).one()
    if row.body_blob:
        return blobs.get(row.body_blob)
    return blobs.keyring.open(row.body, "inbox") if row.body else b""


def settle(
    tx: sa.Connection, event_ids: Iterable[int], fate: Fate, reason: str | None = None, case_id: str | None = None
) -> None:
    """Give pending events their fate, with an `Ignored` or words as its reason; events that have one keep it."""
    tx.execute(
        inbox.update()
        .where(inbox.c.event_id.in_(list(event_ids)), inbox.c.fate == Fate.PENDING)
        .values(fate=fate, reason=reason, case_id=case_id)
    )


def assign(tx: sa.Connection, event_ids: Iterable[int], case_id: str) -> None:
    """Note which case pending events are meant for, before it is told."""
    waiting = (inbox.c.event_id.in_(list(event_ids)), inbox.c.fate == Fate.PENDING)
    tx.execute(inbox.update().where(*waiting).values(case_id=case_id))


def numbered(version_id: str) -> bool:
    """Return whether versions of this server can be compared as numbers."""
    return version_id.isdecimal() and len(version_id) < 19


def newest_version(tx: sa.Connection, event: FhirEvent) -> int:
    """Return the highest numeric version of that resource in the inbox, 0 where versions are no numbers."""
    versions = tx.scalars(
        sa.select(inbox.c.version_id).where(
            inbox.c.feed == event.feed,
            inbox.c.resource_type == event.resource_type,
            inbox.c.resource_id == event.resource_id,
        )
    )
    return max((int(v) for v in versions if numbered(v)), default=0)


def newest_event(tx: sa.Connection, encounter_id: str, case_id: str) -> int:
    """Return the newest event that the case was told, or that is accepted and may yet be told to it; 0 if none (I6)."""
    ours = sa.exists().where(
        own_writes.c.resource_type == inbox.c.resource_type, own_writes.c.resource_id == inbox.c.resource_id
    )
    waiting = sa.select(sa.func.max(inbox.c.event_id)).where(
        inbox.c.encounter_id == encounter_id, inbox.c.fate == Fate.PENDING, ~(inbox.c.own & ours)
    )
    heard = sa.select(sa.func.max(told.c.event_id)).where(told.c.case_id == case_id)
    return max(tx.scalar(waiting) or 0, tx.scalar(heard) or 0)


def waited_since(tx: sa.Connection, encounter_id: str, after: int, until: int) -> datetime | None:
    """Return when the oldest event of an encounter in that range of ids was accepted, of those that a case needs."""
    needed = (inbox.c.encounter_id == encounter_id, inbox.c.fate.in_([Fate.PENDING, Fate.ABSORBED]), ~inbox.c.own)
    ranged = (inbox.c.event_id > after, inbox.c.event_id <= until)
    return tx.scalar(sa.select(sa.func.min(inbox.c.accepted_at)).where(*needed, *ranged))


def absorb(tx: sa.Connection, event_ids: Iterable[int], case_id: str, held: set[int]) -> None:
    """Settle events as given to a case, but those held for another case; the fate names one case, `told` each."""
    ids = list(event_ids)
    known = set(tx.scalars(sa.select(told.c.event_id).where(told.c.case_id == case_id, told.c.event_id.in_(ids))))
    for event_id in set(ids) - known:
        tx.execute(told.insert().values(event_id=event_id, case_id=case_id))
    settle(tx, set(ids) - held, Fate.ABSORBED, case_id=case_id)


def balance(tx: sa.Connection) -> dict[str, int]:
    """Return `accepted` as counted at the door, each fate, and how many are unaccounted for (I1)."""
    fates = {str(fate): 0 for fate in Fate}
    fates |= {
        row.fate: row.n
        for row in tx.execute(sa.select(inbox.c.fate, sa.func.count().label("n")).group_by(inbox.c.fate))
    }
    accepted = counted(tx, "events_accepted")
    return {"accepted": accepted, **fates, "unaccounted": accepted - sum(fates.values())}
