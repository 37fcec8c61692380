"""Accepted events and their fates."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from contracts.events import AcceptedEvent, Fate, FhirEvent
from integrations.blobs.store import BlobStore
from integrations.ledger.tables import Database, UtcTime, cases, counters, inbox, now, own_writes, told

BODY_BYTES = 64 * 1024  # larger bodies go to the blob store
RESOURCES_AT_ONCE = 500


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
    first = {_key(event): event for event in reversed(events)}
    rows = {key: _row(event, blobs) for key, event in reversed(first.items())}
    with db.write() as tx:
        for known in _versions(tx, events) & rows.keys():
            del rows[known]
        if rows:
            tx.execute(inbox.insert(), list(rows.values()))
            count(tx, "events_accepted", len(rows))
        return len(rows)


def _key(event: FhirEvent) -> tuple[str, str, str, str]:
    return event.feed, event.resource_type, event.resource_id, event.version_id


def _row(event: FhirEvent, blobs: BlobStore) -> dict[str, object]:
    large = len(event.body) > BODY_BYTES
    return event.model_dump(include={"feed", "resource_type", "resource_id", "version_id", "encounter_id", "own"}) | {
        "body": None if large or not event.body else blobs.keyring.seal(event.body, "inbox"),
        "body_blob": blobs.put(event.body) if large else None,
        "accepted_at": now(),
        "fate": Fate.QUARANTINED if event.quarantine else Fate.PENDING,
        "reason": event.quarantine,
    }


def _versions(tx: sa.Connection, events: Sequence[FhirEvent]) -> set[tuple[str, str, str, str]]:
    """Return the versions that the inbox has of the resources of these events."""
    columns = (inbox.c.feed, inbox.c.resource_type, inbox.c.resource_id)
    named = zip(columns, zip(*(_key(event)[:3] for event in events), strict=True), strict=True) if events else ()
    found = sa.select(*columns, inbox.c.version_id).where(*(column.in_(set(names)) for column, names in named))
    return {(row.feed, row.resource_type, row.resource_id, row.version_id) for row in tx.execute(found)}


@dataclass(frozen=True)
class Window:
    """Since when and until when messages of one encounter came that nobody has looked at; our own writes don't count.

    Both moments are None where only own writes wait.
    """

    encounter_id: str | None
    first: datetime | None
    last: datetime | None


def windows(tx: sa.Connection) -> list[Window]:
    """Return the window of each encounter that has pending events, the one that waits longest first."""
    foreign = sa.case((~inbox.c.own, inbox.c.accepted_at))
    first, last = (sa.type_coerce(f(foreign), UtcTime) for f in (sa.func.min, sa.func.max))
    rows = tx.execute(
        sa.select(inbox.c.encounter_id, first.label("first"), last.label("last"))
        .where(inbox.c.fate == Fate.PENDING)
        .group_by(inbox.c.encounter_id)
        .order_by(sa.func.min(inbox.c.event_id))
    )
    return [Window(row.encounter_id, row.first, row.last) for row in rows]


def pending(tx: sa.Connection, encounters: Collection[str | None] | None = None) -> list[AcceptedEvent]:
    """Return the pending events in the order of acceptance, without bodies; with encounters only theirs.

    None among them stands for events without one.
    """
    query = sa.select(inbox).where(inbox.c.fate == Fate.PENDING).order_by(inbox.c.event_id)
    if encounters is not None:
        named = inbox.c.encounter_id.in_([e for e in encounters if e is not None])
        query = query.where(named | inbox.c.encounter_id.is_(None) if None in encounters else named)
    return [_accepted(row) for row in tx.execute(query)]


def fresh(tx: sa.Connection, after: int, most: int) -> list[AcceptedEvent]:
    """Return the next pending events after that one, as `pending` does."""
    query = sa.select(inbox).where(inbox.c.fate == Fate.PENDING, inbox.c.event_id > after)
    return [_accepted(row) for row in tx.execute(query.order_by(inbox.c.event_id).limit(most))]


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


def told_of(tx: sa.Connection, resource_type: str, encounter_id: str) -> list[str]:
    """Return the ids of the resources of a type that feeds told of an encounter, in the order of acceptance."""
    heard = (inbox.c.resource_type == resource_type, inbox.c.encounter_id == encounter_id)
    ids = sa.select(inbox.c.resource_id).where(*heard).group_by(inbox.c.resource_id)
    return list(tx.scalars(ids.order_by(sa.func.min(inbox.c.event_id))))


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


def outdated(tx: sa.Connection, accepted: Sequence[AcceptedEvent]) -> set[int]:
    """Return those events whose resource the inbox has in a later version, where versions are numbers."""
    newest: dict[tuple[str, str, str], int] = {}
    for start in range(0, len(accepted), RESOURCES_AT_ONCE):
        for *resource, version in _versions(tx, [a.event for a in accepted[start : start + RESOURCES_AT_ONCE]]):
            if numbered(version):
                feed, type_, id_ = resource
                newest[feed, type_, id_] = max(newest.get((feed, type_, id_), 0), int(version))
    return {
        a.event_id
        for a in accepted
        if numbered(a.event.version_id) and int(a.event.version_id) < newest[_key(a.event)[:3]]
    }


def newest_event(tx: sa.Connection, encounter_id: str, case_id: str, *, settled: bool = False) -> int:
    """Return the newest event that the case was told, or that is accepted and may yet be told to it; 0 if none (I6).

    With `settled`, without what another pathway wrote and nobody has looked at: it may be no news to this one.
    """
    waiting, heard = newest_events(encounter_id, case_id, settled=settled)
    return max(tx.scalar(waiting) or 0, tx.scalar(heard) or 0)


def newest_events(
    encounter_id: str | sa.Column[str], case_id: str | sa.Column[str], *, settled: bool = False
) -> tuple[sa.Select[Any], sa.Select[Any]]:
    """Return the queries of the newest event that may yet be told, and of the newest that was; also for a join (I6)."""
    ours = sa.exists().where(
        own_writes.c.resource_type == inbox.c.resource_type, own_writes.c.resource_id == inbox.c.resource_id
    )
    if not settled:  # what a pathway wrote is no news to itself; to another it may be
        writer, case = cases.alias("writer"), cases.alias("this")
        same = (writer.c.case_id == own_writes.c.case_id, writer.c.pathway == case.c.pathway, case.c.case_id == case_id)
        ours = ours.where(*same).correlate(inbox, cases)
    waiting = sa.select(sa.func.max(inbox.c.event_id)).where(
        inbox.c.encounter_id == encounter_id, inbox.c.fate == Fate.PENDING, ~(inbox.c.own & ours)
    )
    return waiting, sa.select(sa.func.max(told.c.event_id)).where(told.c.case_id == case_id)


def waited_since(tx: sa.Connection, encounter_id: str, after: int, until: int) -> datetime | None:
    """Return when the oldest event of an encounter in that range of ids was accepted, of those that a case needs."""
    needed = (inbox.c.encounter_id == encounter_id, inbox.c.fate.in_([Fate.PENDING, Fate.ABSORBED]), ~inbox.c.own)
    ranged = (inbox.c.event_id > after, inbox.c.event_id <= until)
    return tx.scalar(sa.select(sa.func.min(inbox.c.accepted_at)).where(*needed, *ranged))


def absorb(tx: sa.Connection, event_ids: Iterable[int], case_id: str, held: set[int]) -> None:
    """Settle events as given to a case, but those held for another case; the fate names one case, `told` each."""
    ids = list(event_ids)
    known = set(tx.scalars(sa.select(told.c.event_id).where(told.c.case_id == case_id, told.c.event_id.in_(ids))))
    if new := set(ids) - known:
        tx.execute(told.insert(), [{"event_id": event_id, "case_id": case_id} for event_id in new])
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
