"""Leases: which process does what only one may do at a time, with a number that grows with each new holder.

Safety rests on the number alone, which every write transaction of the holder checks; clocks only decide how soon
another process takes over.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeAlias

import sqlalchemy as sa

from contracts.errors import LedgerError, LedgerFault
from integrations import clock
from integrations.ledger import tables
from integrations.ledger.database import Database, Transaction

Write: TypeAlias = Callable[[], AbstractContextManager[Transaction]]
"""Begins a write transaction, as `Database.write` does. Raises LedgerError."""


class LeaseLostError(LedgerError):
    """The term of a lease has ended, or another process has taken it: nothing was written."""

    def __init__(self, lease: "Lease") -> None:
        super().__init__(LedgerFault.LEASE_LOST, f"{lease.name} number {lease.number}", retryable=True)


@dataclass(frozen=True)
class Lease:
    """The right of one holder to do what the lease is named after."""

    name: str
    holder: str
    number: int


@dataclass(frozen=True)
class LeaseRow:
    """A lease as the ledger has it."""

    lease: Lease
    expires_at: datetime


def expired(row: LeaseRow) -> bool:
    """Return whether its term has ended."""
    return row.expires_at <= clock.now()


def find(tx: Transaction, name: str) -> LeaseRow | None:
    """Return the lease of that name, whether or not it has expired, or None where nobody ever had it."""
    row = tx.execute(tables.leases.select().where(tables.leases.c.name == name)).first()
    return LeaseRow(Lease(row.name, row.holder, row.number), row.expires_at) if row else None


def acquire(
    tx: Transaction, name: str, holder: str, term: timedelta, unrenewed: LeaseRow | None = None
) -> Lease | None:
    """Take the lease for a term, under the next number; None while somebody else has it.

    It is free where it has expired, and for the holder itself, under a new number. It is also free where it still
    stands as `unrenewed`, which the caller has watched for a whole term by a clock of its own: a clock that was set
    back keeps no lease alive.
    """
    found = find(tx, name)
    if found and not expired(found) and found != unrenewed and found.lease.holder != holder:
        return None
    lease = Lease(name, holder, found.lease.number + 1 if found else 1)
    values = {"holder": holder, "number": lease.number, "expires_at": clock.now() + term}
    if found is None:
        tx.execute(tables.leases.insert().values(name=name, **values))
        return lease
    same = (tables.leases.c.name == name, tables.leases.c.number == found.lease.number)
    return lease if tx.execute(tables.leases.update().where(*same).values(**values)).rowcount else None


def renew(tx: Transaction, lease: Lease, term: timedelta) -> bool:
    """Begin a new term; False where the lease has expired or is another's, and then it has to be acquired anew."""
    if not held(tx, lease):
        return False
    tx.execute(tables.leases.update().where(*_of(lease)).values(expires_at=clock.now() + term))
    return True


def release(tx: Transaction, lease: Lease) -> None:
    """End the term now, so that another process need not wait for its end."""
    tx.execute(tables.leases.update().where(*_of(lease)).values(expires_at=clock.now()))


def held(tx: Transaction, lease: Lease) -> bool:
    """Return whether this holder has this lease under this number, and its term has not ended."""
    query = sa.select(tables.leases.c.expires_at).where(*_of(lease)).with_for_update()
    expires_at = tx.scalar(query)
    return expires_at is not None and expires_at > clock.now()


def fenced(db: Database, lease: Lease) -> Write:
    """Return how the holder writes: each transaction first checks the lease. Raises LeaseLostError, LedgerError."""

    @contextmanager
    def write() -> Iterator[Transaction]:
        with db.write() as tx:
            if not held(tx, lease):
                raise LeaseLostError(lease)
            yield tx

    return write


def _of(lease: Lease) -> tuple[sa.ColumnElement[bool], ...]:
    columns = tables.leases.c
    return columns.name == lease.name, columns.holder == lease.holder, columns.number == lease.number
