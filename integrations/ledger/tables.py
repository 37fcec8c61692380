"""The ledger's tables and engines (SQLite with `synchronous=FULL` here, PostgreSQL beyond one machine)."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.exc import DBAPIError, IntegrityError

from contracts.errors import LedgerError

SCHEMA_VERSION = 1
BUSY_MS = 4000  # below the time-outs of the activities that wait for it
metadata = sa.MetaData()


class UtcTime(sa.TypeDecorator[datetime]):
    """Timezone-aware UTC, kept as ISO 8601 text of fixed width, which sorts as time does."""

    impl = sa.String(32)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> str | None:
        return value.astimezone(UTC).isoformat(timespec="microseconds") if value else None

    def process_result_value(self, value: Any, dialect: sa.Dialect) -> datetime | None:
        return datetime.fromisoformat(value) if value else None


inbox = sa.Table(
    "inbox",
    metadata,
    sa.Column("event_id", sa.Integer, primary_key=True),
    sa.Column("feed", sa.String, nullable=False),
    sa.Column("resource_type", sa.String, nullable=False),
    sa.Column("resource_id", sa.String, nullable=False),
    sa.Column("version_id", sa.String, nullable=False),
    sa.Column("encounter_id", sa.String, index=True),
    sa.Column("own", sa.Boolean, nullable=False, default=False),
    sa.Column("body", sa.LargeBinary),  # sealed; None where it lies in a blob
    sa.Column("body_blob", sa.String),
    sa.Column("accepted_at", UtcTime, nullable=False),
    sa.Column("fate", sa.String, nullable=False),
    sa.Column("reason", sa.String),
    sa.Column("case_id", sa.String),
    sa.UniqueConstraint("feed", "resource_type", "resource_id", "version_id"),
    sa.Index("inbox_pending", "fate", "event_id"),
    sqlite_autoincrement=True,
)
told = sa.Table(  # which cases an absorbed event was told to: one event may inform several pathways
    "told",
    metadata,
    sa.Column("event_id", sa.Integer, primary_key=True),
    sa.Column("case_id", sa.String, primary_key=True),
)
counters = sa.Table(  # counted in the transaction of what they count, so that a deleted row is missed
    "counters", metadata, sa.Column("name", sa.String, primary_key=True), sa.Column("count", sa.Integer, nullable=False)
)
marks = sa.Table(
    "marks", metadata, sa.Column("name", sa.String, primary_key=True), sa.Column("value", sa.String, nullable=False)
)
cases = sa.Table(
    "cases",
    metadata,
    sa.Column("case_id", sa.String, primary_key=True),
    sa.Column("pathway", sa.String, nullable=False),
    sa.Column("encounter_id", sa.String, nullable=False, index=True),
    sa.Column("generation", sa.Integer, nullable=False),
    sa.Column("state", sa.String, nullable=False),
    sa.Column("accepted_at", UtcTime, nullable=False),
    sa.Column("due_at", UtcTime, nullable=False),
    sa.Column("escalated_at", UtcTime),
    sa.Column("escalation_step", sa.Integer, nullable=False, default=0),
    sa.Column("version", sa.Integer, nullable=False, default=0),
    sa.Column("covers_event", sa.Integer, nullable=False, default=0),
    sa.Column("suggestion_blob", sa.String),
    sa.Column("suggestion_hash", sa.String),
    sa.Column("snapshot_blob", sa.String),
    sa.Column("task_version", sa.String),
    sa.Column("suggested_at", UtcTime),
    sa.Column("ended_at", UtcTime),
    sa.UniqueConstraint("pathway", "encounter_id", "generation"),
)
sa.Index(  # I3: one live case for each encounter and pathway
    "cases_live",
    cases.c.pathway,
    cases.c.encounter_id,
    unique=True,
    sqlite_where=cases.c.state.in_(["open", "decided"]),
    postgresql_where=cases.c.state.in_(["open", "decided"]),
)
runs = sa.Table(  # one row for each version that was shown: what the trajectory is made of
    "runs",
    metadata,
    sa.Column("case_id", sa.String, primary_key=True),
    sa.Column("version", sa.Integer, primary_key=True),
    sa.Column("snapshot_blob", sa.String, nullable=False),
    sa.Column("suggestion_blob", sa.String, nullable=False),
    sa.Column("shown_at", UtcTime, nullable=False),
)
decisions = sa.Table(
    "decisions",
    metadata,
    sa.Column("decision_id", sa.String, primary_key=True),
    sa.Column("case_id", sa.String, nullable=False, unique=True),
    sa.Column("kind", sa.String, nullable=False),
    sa.Column("selected", sa.String),
    sa.Column("reviewer", sa.String, nullable=False),
    sa.Column("document", sa.String, nullable=False),  # the signed Decision as JSON
    sa.Column("recorded_at", UtcTime, nullable=False),
)
own_writes = sa.Table(
    "own_writes",
    metadata,
    sa.Column("resource_type", sa.String, primary_key=True),
    sa.Column("resource_id", sa.String, primary_key=True),
    sa.Column("version_id", sa.String, primary_key=True),  # empty: about to be written
    sa.Column("case_id", sa.String, nullable=False),
    sa.Column("content_hash", sa.String, nullable=False),
)
calls = sa.Table(
    "calls",
    metadata,
    sa.Column("case_id", sa.String, primary_key=True),
    sa.Column("version", sa.Integer, primary_key=True),
    sa.Column("request_hash", sa.String, primary_key=True),
    sa.Column("position", sa.Integer, nullable=False),
    sa.Column("call_blob", sa.String, nullable=False),
)
trajectories = sa.Table(
    "trajectories",
    metadata,
    sa.Column("case_id", sa.String, primary_key=True),
    sa.Column("blob", sa.String, nullable=False),
    sa.Column("trainable", sa.Boolean, nullable=False),
    sa.Column("recorded_at", UtcTime, nullable=False),
)
audit = sa.Table(
    "audit",
    metadata,
    sa.Column("seq", sa.Integer, primary_key=True),
    sa.Column("chain", sa.String, nullable=False),
    sa.Column("position", sa.Integer, nullable=False),
    sa.Column("at", UtcTime, nullable=False),
    sa.Column("record", sa.String, nullable=False),
    sa.Column("previous_hash", sa.String, nullable=False),
    sa.Column("hash", sa.String, nullable=False),
    sa.UniqueConstraint("chain", "position"),
    sqlite_autoincrement=True,
)


class Database:
    """Two engines on one database: reads are deferred, writes take the lock at once and commit with an fsync."""

    def __init__(self, url: str) -> None:
        self._reading = _engine(url, "BEGIN")
        self._writing = _engine(url, "BEGIN IMMEDIATE")

    def create(self) -> None:
        """Make the tables. Raises LedgerError for a ledger of another schema version."""
        metadata.create_all(self._writing)
        with self.write() as tx:
            found = mark(tx, "schema_version")
            if found is None:
                set_mark(tx, "schema_version", str(SCHEMA_VERSION))
            elif found != str(SCHEMA_VERSION):
                raise LedgerError("schema_version", f"ledger has {found}, this program wants {SCHEMA_VERSION}")

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
        with _classified(), self._writing.begin() as tx:
            yield tx


@contextmanager
def _classified() -> Iterator[None]:
    try:
        yield
    except DBAPIError as fault:
        # The statement and its parameters may hold patient data: only the driver's class goes on.
        passing = not isinstance(fault, IntegrityError)
        raise LedgerError("database", type(fault.orig).__name__, retryable=passing) from None


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


def mark(tx: sa.Connection, name: str) -> str | None:
    """Return how far a recurring task has come, or None before its first time."""
    return tx.scalar(sa.select(marks.c.value).where(marks.c.name == name))


def set_mark(tx: sa.Connection, name: str, value: str) -> None:
    """Note how far a recurring task has come."""
    tx.execute(marks.delete().where(marks.c.name == name))
    tx.execute(marks.insert().values(name=name, value=value))


def now() -> datetime:
    """Return the current moment in UTC."""
    return datetime.now(UTC)
