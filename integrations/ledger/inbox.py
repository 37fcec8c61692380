"""Accepted events and their fates."""

import json
import uuid
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from contracts.events import REPEATED, AcceptedEvent, Fate, FhirEvent, Ignored
from integrations import clock
from integrations.blobs.store import BlobStore
from integrations.ledger import counters, evidence, readings
from integrations.ledger.database import Database
from integrations.ledger.tables import UtcTime, cases, deliveries, inbox, own_writes

BODY_BYTES = 64 * 1024  # larger bodies go to the blob store
UNREADABLE_AN_HOUR = 1_000
"""Rows for what a feed sent and nobody could read; beyond them one row an hour stands for what a counter counts."""
USED_FOR = timedelta(days=90)
"""How long after its end a case is told of what it used; our judgement: hardly a stay lasts longer, and a change more
than some days after the stay only makes a record."""
WITHOUT_BODY = {"body": None, "body_blob": None, "fate": Fate.PENDING, "reason": None}
JUDGED_BY_READING = (Fate.ABSORBED, Fate.SUPERSEDED)
"""Fates by which some case was to read the chart; so it is with those that an ended case had read again."""


def accept(
    db: Database, blobs: BlobStore, events: Sequence[FhirEvent], unreadable_an_hour: int = UNREADABLE_AN_HOUR
) -> int:
    """Put a batch into the inbox, on disk when this returns; versions already there change nothing.

    `unreadable_an_hour` bounds the rows of each feed's unreadable messages; one row more stands for the rest, so that
    a sender can't fill the disk. A readable message always has a row of its own.

    Returns the number of new rows. Raises LedgerError, and then none of the batch was accepted.
    """
    rows = _rows(events, blobs)
    with db.write() as tx:
        for feed in {event.feed for event in events if event.quarantine}:
            _count_rest(tx, feed, rows, unreadable_an_hour)
        return _insert(tx, events, rows)


def accept_found(db: Database, blobs: BlobStore, events: Sequence[FhirEvent]) -> int:
    """Put what our own search found into the inbox, as `accept` does, unless every case concerned has read it.

    A version number that a feed claimed before hides nothing: if it came with another content, or if a case that was
    to read it did not find it in the chart yet, it is accepted once more under a key of its own (I8).
    """
    stamps = {_resource(e): readings.stamp(json.loads(e.body)) for e in events if not e.quarantine}
    with db.read() as tx:
        before = {feed: readings.of(tx, readings.feed(feed), stamps) for feed in {e.feed for e in events}}
        unread = [e for e in events if e.quarantine or before[e.feed].get(_resource(e)) != stamps[_resource(e)]]
        asked = [(e, stamps.get(_resource(e), "")) for e in unread]
        found = [event for one, stamp in asked if (event := _unheard(tx, blobs, one, stamp))]
    if not unread:
        return 0
    rows = _rows(found, blobs)
    with db.write() as tx:
        for feed in before:
            of_feed = {_resource(e) for e in unread if e.feed == feed and not e.quarantine}
            readings.note(tx, readings.feed(feed), {resource: stamps[resource] for resource in of_feed})
        return _insert(tx, found, rows)


def _resource(event: FhirEvent) -> readings.Key:
    return event.resource_type, event.resource_id


def _unheard(tx: sa.Connection, blobs: BlobStore, found: FhirEvent, stamp: str) -> FhirEvent | None:
    """Return what our search found as an event to accept, or None where that changes nothing."""
    if found.quarantine:
        return found
    same = (inbox.c.resource_type == found.resource_type, inbox.c.resource_id == found.resource_id)
    kept = tx.execute(sa.select(inbox).where(inbox.c.feed == found.feed, *same).order_by(inbox.c.event_id)).all()
    rows = [row for row in kept if _accepted(row).event.version == found.version_id]
    if not rows:
        return found
    content = _content(found.body)
    equal = next((row for row in reversed(rows) if _content(body(tx, blobs, row.event_id)) == content), None)
    if equal and _was_read(tx, equal, found, stamp):
        return None
    return found.model_copy(update={"version_id": f"{found.version_id}{REPEATED}{len(rows)}"})


def _content(body: bytes) -> object:
    """Return what counts of a resource: servers differ in the rest between a notification and a search."""
    resource = json.loads(body) if body else None
    return {k: v for k, v in resource.items() if k not in ("meta", "text")} if isinstance(resource, dict) else None


def _was_read(tx: sa.Connection, row: sa.Row[tuple[object, ...]], found: FhirEvent, stamp: str) -> bool:
    """Return whether those who had to read what that event named have read it, or will."""
    if row.fate not in JUDGED_BY_READING and row.reason != Ignored.CASE_CLOSED:
        return True  # pending; or judged by its content alone, which is the same
    stamps = readings.readers(tx, *_resource(found))
    heard = list(tx.scalars(sa.select(deliveries.c.case_id).where(deliveries.c.event_id == row.event_id)))
    if heard:
        return all(stamps.get(case_id) == stamp for case_id in heard)
    ids = tx.scalars(sa.select(cases.c.case_id).where(cases.c.encounter_id == found.encounter_id))
    return any(stamps.get(case_id) == stamp for case_id in ids)


def accept_hints(db: Database, blobs: BlobStore, feed: str, resource_type: str, resource_id: str) -> int:
    """Accept a notice that says of a resource only that something happened to it, such as its deletion.

    Each makes a row for every encounter that the resource is known to belong to, or one without an encounter: the open
    cases of that encounter read the chart again. Raises LedgerError.
    """
    named = (inbox.c.resource_type == resource_type, inbox.c.resource_id == resource_id)
    with db.read() as tx:
        known = set(tx.scalars(sa.select(inbox.c.encounter_id).where(*named, inbox.c.encounter_id.is_not(None))))
        readers = readings.readers(tx, resource_type, resource_id)
        known |= set(tx.scalars(sa.select(cases.c.encounter_id).where(cases.c.case_id.in_(readers))))
        name = f"{resource_type}/{resource_id}"
        known |= {use.encounter_id for use in evidence.uses(tx, [name], clock.now() - USED_FOR)}
    hints = [
        FhirEvent(
            feed=feed,
            resource_type=resource_type,
            resource_id=resource_id,
            version_id=f"{REPEATED}{uuid.uuid4().hex}",
            encounter_id=encounter_id,
        )
        for encounter_id in sorted(known) or [None]
    ]
    return accept(db, blobs, hints)


def _rows(events: Sequence[FhirEvent], blobs: BlobStore) -> dict[tuple[str, str, str, str], dict[str, object]]:
    first = {_key(event): event for event in reversed(events)}
    return {key: _row(event, blobs) for key, event in reversed(first.items())}


def _insert(
    tx: sa.Connection, events: Sequence[FhirEvent], rows: dict[tuple[str, str, str, str], dict[str, object]]
) -> int:
    for known in _versions(tx, events) & rows.keys():
        del rows[known]
    if rows:
        # Under the lock: a later row was not accepted earlier, and a case's clock began at its first.
        moment = clock.now()
        told = [*rows.values(), *_told_elsewhere(tx, [event for event in events if _key(event) in rows], moment)]
        tx.execute(inbox.insert(), [row | {"accepted_at": moment} for row in told])
        counters.count(tx, "events_accepted", len(told))
    return len(rows)


def _told_elsewhere(tx: sa.Connection, events: Sequence[FhirEvent], moment: datetime) -> Iterator[dict[str, object]]:
    """Yield a row for each other stay whose case uses what changed: what left a stay is news there too (I18)."""
    changed = [(f"{one.resource_type}/{one.resource_id}", one) for one in events if not one.quarantine and not one.hint]
    used = {(use.resource, use.encounter_id) for use in evidence.uses(tx, dict(changed), moment - USED_FOR)}
    hints = [
        FhirEvent(
            feed=event.feed, resource_type=event.resource_type, resource_id=event.resource_id,
            version_id=f"{REPEATED}{event.version_id}:{encounter_id}", encounter_id=encounter_id,
        )
        for name, event in changed
        for resource, encounter_id in sorted(used)
        if resource == name and encounter_id != event.encounter_id
    ]  # fmt: skip
    known = _versions(tx, hints)
    yield from (_fields(hint) | WITHOUT_BODY for hint in hints if _key(hint) not in known)


def tell_again(tx: sa.Connection, encounter_id: str, why: str) -> None:
    """Have the cases of an encounter look at its chart again, as if something had happened to the stay.

    Told by the feed that told of it last; where none ever has, nobody follows the stay.
    """
    newest = sa.select(inbox.c.feed).where(inbox.c.encounter_id == encounter_id).order_by(inbox.c.event_id.desc())
    feed = tx.scalar(newest.limit(1))
    if feed is None:
        return
    version_id = f"{REPEATED}{why} {uuid.uuid4().hex}"
    hint = FhirEvent(
        feed=feed, resource_type="Encounter", resource_id=encounter_id, version_id=version_id, encounter_id=encounter_id
    )
    tx.execute(inbox.insert(), [_fields(hint) | WITHOUT_BODY | {"accepted_at": clock.now()}])
    counters.count(tx, "events_accepted")


def _count_rest(tx: sa.Connection, feed: str, rows: dict[Any, dict[str, object]], most: int) -> None:
    """Leave of a feed's unreadable rows those within its quota of this hour, and have one row stand for the others."""
    unreadable = [key for key, row in rows.items() if row["feed"] == feed and row["fate"] == Fate.QUARANTINED]
    if not unreadable:
        return
    hour = f"{clock.now():%Y-%m-%dT%H}"
    counter = f"unreadable:{feed}:{hour}"
    before = counters.counted(tx, counter)
    counters.count(tx, counter, len(unreadable))
    beyond = before + len(unreadable) - max(before, most)
    if beyond <= 0:
        return
    row = next(rows[key] for key in unreadable) | {"resource_id": f"rest-{hour}"}
    for key in unreadable[-beyond:]:
        del rows[key]
    row["reason"] = f"stands for all unreadable messages beyond {most} in this hour (counter {counter})"
    same = (inbox.c.feed == feed, inbox.c.resource_type == row["resource_type"])
    same += (inbox.c.resource_id == row["resource_id"],)
    if tx.scalar(sa.select(inbox.c.event_id).where(*same)) is None:
        rows["rest", feed, hour] = row


def _key(event: FhirEvent) -> tuple[str, str, str, str]:
    return event.feed, event.resource_type, event.resource_id, event.version_id


def _fields(event: FhirEvent) -> dict[str, object]:
    return event.model_dump(include={"feed", "resource_type", "resource_id", "version_id", "encounter_id", "own"})


def _row(event: FhirEvent, blobs: BlobStore) -> dict[str, object]:
    large = len(event.body) > BODY_BYTES
    return _fields(event) | {
        "body": None if large or not event.body else blobs.keyring.seal(event.body, "inbox"),
        "body_blob": blobs.put(event.body) if large else None,
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


def count_pending(tx: sa.Connection) -> int:
    """Return how many events wait."""
    return tx.scalar(sa.select(sa.func.count()).where(inbox.c.fate == Fate.PENDING)) or 0


def all_pending(tx: sa.Connection, event_ids: Collection[int]) -> bool:
    """Return whether each of these events is still pending."""
    waiting = (inbox.c.event_id.in_(event_ids), inbox.c.fate == Fate.PENDING)
    return tx.scalar(sa.select(sa.func.count()).select_from(inbox).where(*waiting)) == len(event_ids)


def waits(tx: sa.Connection, encounter_id: str) -> bool:
    """Return whether an event of that encounter is still pending."""
    waiting = (inbox.c.encounter_id == encounter_id, inbox.c.fate == Fate.PENDING)
    return tx.scalar(sa.select(inbox.c.event_id).where(*waiting).limit(1)) is not None


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
    """Give pending events their fate, with an `Ignored` or words as its reason; events that have one keep it.

    An event that some case was given is absorbed, whatever becomes of it for others.
    """
    event_ids = list(event_ids)
    if fate in (Fate.SUPERSEDED, Fate.IGNORED):
        for row in tx.execute(deliveries.select().where(deliveries.c.event_id.in_(event_ids))).all():
            settle(tx, [row.event_id], Fate.ABSORBED, case_id=row.case_id)
    tx.execute(
        inbox.update()
        .where(inbox.c.event_id.in_(event_ids), inbox.c.fate == Fate.PENDING)
        .values(fate=fate, reason=reason, case_id=case_id)
    )


def assign(tx: sa.Connection, event_ids: Iterable[int], case_id: str) -> None:
    """Note which case pending events are meant for, before it is told."""
    waiting = (inbox.c.event_id.in_(list(event_ids)), inbox.c.fate == Fate.PENDING)
    tx.execute(inbox.update().where(*waiting).values(case_id=case_id))


def numbered(version_id: str) -> bool:
    """Return whether versions of this server can be compared as numbers."""
    return version_id.isdecimal() and len(version_id) < 19


def replaced(accepted: Sequence[AcceptedEvent]) -> set[int]:
    """Return those pending events after which a higher version of their resource came, for the same encounter.

    Nothing else is outdated: what a feed claimed, or what the chart held before it was restored, is no reason to
    overlook an event. One that brings nothing new costs its case one look at the chart (I6, I8).
    """
    newest: dict[tuple[str, str, str, str | None], int] = {}
    older: set[int] = set()
    for one in sorted(accepted, key=lambda a: a.event_id, reverse=True):
        if not numbered(one.event.version_id):
            continue
        key, version = (*_key(one.event)[:3], one.event.encounter_id), int(one.event.version_id)
        if version < newest.get(key, version):
            older.add(one.event_id)
        newest[key] = max(newest.get(key, version), version)
    return older


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
    return waiting, sa.select(sa.func.max(deliveries.c.event_id)).where(deliveries.c.case_id == case_id)


def waited_since(tx: sa.Connection, encounter_id: str, after: int, until: int) -> datetime | None:
    """Return when the oldest event of an encounter in that range of ids was accepted, of those that a case needs."""
    needed = (inbox.c.encounter_id == encounter_id, inbox.c.fate.in_([Fate.PENDING, Fate.ABSORBED]), ~inbox.c.own)
    ranged = (inbox.c.event_id > after, inbox.c.event_id <= until)
    return tx.scalar(sa.select(sa.func.min(inbox.c.accepted_at)).where(*needed, *ranged))


def balance(tx: sa.Connection) -> dict[str, int]:
    """Return `accepted` as counted at the door, each fate, and how many are unaccounted for (I1)."""
    fates = {str(fate): 0 for fate in Fate}
    fates |= {
        row.fate: row.n
        for row in tx.execute(sa.select(inbox.c.fate, sa.func.count().label("n")).group_by(inbox.c.fate))
    }
    accepted = counters.counted(tx, "events_accepted")
    return {"accepted": accepted, **fates, "unaccounted": accepted - sum(fates.values())}
