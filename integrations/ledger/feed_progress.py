"""How well each resource type of each feed is read by our own search: how far, when last, and why not."""

from collections.abc import Iterable
from datetime import datetime

import sqlalchemy as sa

from contracts.frozen import Frozen
from integrations import clock
from integrations.ledger.marks import mark, set_mark
from integrations.ledger.tables import marks

PREFIX = "followed:"


class TypeStanding(Frozen):
    """How the last search for one type of a feed went."""

    feed: str
    resource_type: str
    read_at: datetime | None = None
    """When it was last read well, by our clock; None: not yet."""
    fault: str = ""
    """Why the last search failed, for operators; empty after a good one."""
    refused: bool = False
    """Whether the server refused it, rather than did not answer."""
    pushed: bool = False
    """Whether the server has an active Subscription for it, as far as is known."""


def _reached(feed: str, resource_type: str) -> str:
    return f"reconciled:{feed}:{resource_type}"


def begin(tx: sa.Connection, feed: str, types: Iterable[str], moment: datetime) -> None:
    """Note from when on the changes of each type are searched for, where that is not known yet.

    A type that is refused from the first moment on is so caught up when it is read. What an earlier version noted for
    the whole feed becomes the moment of each of its types.
    """
    whole = f"reconciled:{feed}"
    before = mark(tx, whole)
    for type_ in types:
        if mark(tx, _reached(feed, type_)) is None:
            set_mark(tx, _reached(feed, type_), before or moment.isoformat())
    if before:
        tx.execute(marks.delete().where(marks.c.name == whole))


def begun(tx: sa.Connection, feed: str, types: Iterable[str]) -> bool:
    """Return whether `begin` has nothing to note."""
    return mark(tx, f"reconciled:{feed}") is None and all(mark(tx, _reached(feed, type_)) for type_ in types)


def reached(tx: sa.Connection, feed: str, resource_type: str) -> datetime | None:
    """Return up to which moment of the server's clock the changes of a type were read, or None before `begin`."""
    found = mark(tx, _reached(feed, resource_type))
    return datetime.fromisoformat(found) if found else None


def note_read(tx: sa.Connection, feed: str, resource_type: str, until: datetime, *, pushed: bool) -> None:
    """Note that all changes of a type up to that moment of the server's clock were read."""
    set_mark(tx, _reached(feed, resource_type), until.isoformat())
    _set(tx, TypeStanding(feed=feed, resource_type=resource_type, read_at=clock.now(), pushed=pushed))


def note_fault(tx: sa.Connection, feed: str, resource_type: str, fault: str, *, refused: bool, pushed: bool) -> None:
    """Note why a type could not be read; how far it was read stays."""
    found = mark(tx, f"{PREFIX}{feed}:{resource_type}")
    before = TypeStanding.model_validate_json(found) if found else TypeStanding(feed=feed, resource_type=resource_type)
    _set(tx, before.model_copy(update={"fault": fault, "refused": refused, "pushed": pushed}))


def seen(tx: sa.Connection) -> list[TypeStanding]:
    """Return how each type stands that was ever searched for, whether or not it still is."""
    rows = tx.scalars(sa.select(marks.c.value).where(marks.c.name.startswith(PREFIX)))
    return [TypeStanding.model_validate_json(row) for row in rows]


def _set(tx: sa.Connection, standing: TypeStanding) -> None:
    set_mark(tx, f"{PREFIX}{standing.feed}:{standing.resource_type}", standing.model_dump_json())
