"""The ledger's engines (SQLite with `synchronous=FULL` here, PostgreSQL beyond one machine)."""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.exc import DBAPIError

from contracts.errors import LedgerError, LedgerFault
from integrations.ledger import schema
from integrations.ledger.lock_times import LockTimes

Transaction = sa.Connection
"""What `Database.read` and `Database.write` open; only the ledger's modules know its SQL."""
BUSY_MS = 4000  # below the time-outs of the activities that wait for it
MIGRATION_MS = 60_000


class Database:
    """Two engines on one database: reads are deferred, writes take the lock at once and commit with an fsync."""

    def __init__(self, url: str) -> None:
        self._reading = _engine(url, "BEGIN")
        self._writing = _engine(url, "BEGIN IMMEDIATE")
        self.lock_times = LockTimes()

    def create(self) -> None:
        """Make a new ledger, or bring an older one to the schema of this program; a current one stays as it is.

        Raises LedgerError for a schema that this program does not know, and then nothing was written.
        """
        with self.read() as tx:
            if schema.version(tx) == schema.SCHEMA_VERSION:
                return
        with _classified(), self._writing.connect() as connection, _patient(connection), connection.begin():
            schema.bring_up(connection)

    def copy_to(self, file: Path) -> None:
        """Write one moment of the ledger to a new file, while others read and write. Raises LedgerError."""
        if self._reading.dialect.name != "sqlite":
            raise LedgerError(LedgerFault.NOT_SQLITE, "back it up with the tools of its own database")
        try:
            with _classified(), self._reading.connect() as source, closing(sqlite3.connect(file)) as target:
                raw: Any = source.connection.driver_connection
                raw.backup(target)
                target.execute("PRAGMA journal_mode=DELETE")  # one file, which reading does not change
        except sqlite3.Error as fault:
            raise LedgerError(LedgerFault.NOT_COPIED, type(fault).__name__, retryable=True) from None

    def close(self) -> None:
        """Give back the connections."""
        self._reading.dispose()
        self._writing.dispose()

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """One consistent view. Raises LedgerError."""
        with _classified(), self._reading.begin() as tx:
            yield tx

    @contextmanager
    def write(self) -> Iterator[sa.Connection]:
        """One transaction, on disk when the block ends. Raises LedgerError, and then nothing was written."""
        begun = 0.0
        try:
            with _classified(), self._writing.begin() as tx:
                begun = time.monotonic()
                yield tx
        finally:
            if begun:
                self.lock_times.note(time.monotonic() - begun)


@contextmanager
def _patient(connection: sa.Connection) -> Iterator[None]:
    """Wait for another process that migrates the ledger, which may take longer than any other transaction."""
    if connection.dialect.name != "sqlite":
        yield
        return
    raw: Any = connection.connection.driver_connection
    raw.execute(f"PRAGMA busy_timeout={MIGRATION_MS}")
    try:
        yield
    finally:
        raw.execute(f"PRAGMA busy_timeout={BUSY_MS}")


@contextmanager
def _classified() -> Iterator[None]:
    try:
        yield
    except DBAPIError as fault:
        # The statement and its parameters may hold patient data: only the driver's class goes on.
        raise LedgerError(LedgerFault.DATABASE, type(fault.orig).__name__, retryable=True) from None
    except (UnicodeError, OverflowError) as fault:
        raise LedgerError(LedgerFault.NOT_STORABLE, type(fault).__name__) from None


def _engine(url: str, begin: str) -> sa.Engine:
    engine = sa.create_engine(url)
    if engine.dialect.name == "sqlite":

        @event.listens_for(engine, "connect")
        def _pragmas(connection: Any, _record: object) -> None:
            connection.isolation_level = None
            for pragma in ("journal_mode=WAL", "synchronous=FULL", f"busy_timeout={BUSY_MS}"):
                connection.execute(f"PRAGMA {pragma}")

        @event.listens_for(engine, "begin")
        def _begin(connection: sa.Connection) -> None:
            connection.exec_driver_sql(begin)

    return engine
