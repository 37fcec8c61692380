"""The ledger's tables and engines (SQLite with `synchronous=FULL` here, PostgreSQL beyond one machine)."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.exc import DBAPIError

from contracts.errors import LedgerError
from integrations import clock

SCHEMA_VERSION = 1
BOUND_SINCE = "values_bound_since"
"""Mark: since when the values of each new case are sealed for that case."""
Transaction = sa.Connection
"""What `Database.read` and `Database.write` open; only the ledger's modules know its SQL."""
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


def _key(name: str, type_: Any = sa.String) -> sa.Column[Any]:
    return sa.Column(name, type_, primary_key=True)


def _have(type_: Any, *names: str) -> list[sa.Column[Any]]:
    return [sa.Column(name, type_, nullable=False) for name in names]


def _may(type_: Any, *names: str) -> list[sa.Column[Any]]:
    return [sa.Column(name, type_) for name in names]


# fmt: off
inbox = sa.Table(  # `body` is sealed, and empty where it lies in a blob
    "inbox", metadata, _key("event_id", sa.Integer),
    *_have(sa.String, "feed", "resource_type", "resource_id", "version_id", "fate"),
    *_have(sa.Boolean, "own"), *_have(UtcTime, "accepted_at"),
    *_may(sa.String, "encounter_id", "body_blob", "reason", "case_id"), *_may(sa.LargeBinary, "body"),
    sa.UniqueConstraint("feed", "resource_type", "resource_id", "version_id"),
    sa.Index("inbox_pending", "fate", "event_id"), sa.Index("inbox_encounter", "encounter_id"),
    sqlite_autoincrement=True,
)
told = sa.Table(  # which cases an absorbed event was told to: one event may inform several pathways
    "told", metadata, _key("event_id", sa.Integer), _key("case_id"), sa.Index("told_case", "case_id"),
)
counters = sa.Table(  # counted in the transaction of what they count, so that a deleted row is missed
    "counters", metadata, _key("name"), *_have(sa.Integer, "count"),
)
marks = sa.Table("marks", metadata, _key("name"), *_have(sa.String, "value"))
cases = sa.Table(
    "cases", metadata, _key("case_id"), *_have(sa.String, "pathway", "encounter_id", "state"),
    *_have(UtcTime, "accepted_at", "due_at"), *_may(UtcTime, "escalated_at", "suggested_at", "ended_at"),
    *_have(sa.Integer, "generation", "escalation_step", "version", "covers_event"),
    *_may(sa.String, "suggestion_blob", "suggestion_hash", "snapshot_blob", "task_version"),
    sa.UniqueConstraint("pathway", "encounter_id", "generation"), sa.Index("cases_encounter", "encounter_id"),
    sa.Index("cases_state", "state", "due_at", "accepted_at"),
)
LIVE = cases.c.state.in_(["open", "decided"])
sa.Index(  # I3: one live case for each encounter and pathway
    "cases_live", cases.c.pathway, cases.c.encounter_id, unique=True, sqlite_where=LIVE, postgresql_where=LIVE,
)
runs = sa.Table(  # one row for each version that was shown: what the trajectory is made of
    "runs", metadata, _key("case_id"), _key("version", sa.Integer),
    *_have(sa.String, "snapshot_blob", "suggestion_blob"), *_have(UtcTime, "shown_at"),
)
decisions = sa.Table(  # `document` is the signed Decision as JSON
    "decisions", metadata, _key("decision_id"), *_have(sa.String, "case_id", "kind", "reviewer", "document"),
    *_may(sa.String, "selected"), *_have(UtcTime, "recorded_at"), sa.UniqueConstraint("case_id"),
)
undone = sa.Table(  # decisions that were taken back: the signed Decision and the signed Undo, as JSON
    "undone", metadata, _key("decision_id"), *_have(sa.String, "case_id", "document", "undo"),
    *_have(UtcTime, "recorded_at", "undone_at"), sa.Index("undone_case", "case_id"),
)
write_backs = sa.Table(  # which decision's write-back has begun: from then on it can't be taken back
    "write_backs", metadata, _key("case_id"), *_have(sa.String, "decision_id", "evidence"),
    *_have(UtcTime, "begun_at"),
)
own_writes = sa.Table(  # an empty version stands for a write under way
    "own_writes", metadata, _key("resource_type"), _key("resource_id"), _key("version_id"),
    *_have(sa.String, "case_id", "content_hash"),
)
readings = sa.Table(  # which version of a resource our own search or a case's newest snapshot read last; a cache
    "readings", metadata, _key("reader"), _key("resource_type"), _key("resource_id"), *_have(sa.String, "stamp"),
    sa.Index("readings_resource", "resource_type", "resource_id"),
)
calls = sa.Table(
    "calls", metadata, _key("case_id"), _key("version", sa.Integer), _key("request_hash"),
    *_have(sa.Integer, "position"), *_have(sa.String, "call_blob"),
)
trajectories = sa.Table(
    "trajectories", metadata, _key("case_id"), *_have(sa.String, "blob"), *_have(sa.Boolean, "trainable"),
    *_have(UtcTime, "recorded_at"),
)
outcomes = sa.Table(  # what the chart told after the decision, as rows of their own: a trajectory never changes
    "outcomes", metadata, _key("case_id"), _key("kind"), *_have(sa.String, "resource"),
    *_have(UtcTime, "known_at", "recorded_at"),
)
models = sa.Table(  # `document` is the RegisteredModel as JSON
    "models", metadata, _key("name"), *_have(sa.String, "pathway", "document"), *_have(UtcTime, "registered_at"),
    *_may(sa.String, "rows_blob"),
)
deployments = sa.Table(  # what an alias meant from when until when; an empty name is the endpoint's own model
    "deployments", metadata, _key("deployment_id", sa.Integer), *_have(sa.String, "alias", "name", "by", "reason"),
    *_have(UtcTime, "since"), *_may(UtcTime, "until"), *_may(sa.String, "replaced"), sqlite_autoincrement=True,
)
NOW_DEPLOYED = deployments.c.until.is_(None)
sa.Index(  # an alias means one model at a time
    "deployments_now", deployments.c.alias, unique=True, sqlite_where=NOW_DEPLOYED, postgresql_where=NOW_DEPLOYED,
)
audit = sa.Table(
    "audit", metadata, _key("seq", sa.Integer), *_have(sa.String, "chain", "record", "previous_hash", "hash"),
    *_have(sa.Integer, "position"), sa.UniqueConstraint("chain", "position"),
    sqlite_autoincrement=True,
)
# fmt: on


class Database:
    """Two engines on one database: reads are deferred, writes take the lock at once and commit with an fsync."""

    def __init__(self, url: str) -> None:
        self._reading = _engine(url, "BEGIN")
        self._writing = _engine(url, "BEGIN IMMEDIATE")

    def create(self) -> None:
        """Make tables and indexes that are missing. Raises LedgerError for a ledger of another schema version."""
        metadata.create_all(self._writing)
        for index in (index for table in metadata.sorted_tables for index in table.indexes):
            index.create(self._writing, checkfirst=True)
        with self.write() as tx:
            found = mark(tx, "schema_version")
            if found is None:
                set_mark(tx, "schema_version", str(SCHEMA_VERSION))
                set_mark(tx, BOUND_SINCE, clock.now().isoformat())
            elif found != str(SCHEMA_VERSION):
                raise LedgerError("schema_version", f"ledger has {found}, this program wants {SCHEMA_VERSION}")

    def copy_to(self, file: Path) -> None:
        """Write one moment of the ledger to a new file, while others read and write. Raises LedgerError."""
        if self._reading.dialect.name != "sqlite":
            raise LedgerError("not_sqlite", "back it up with the tools of its own database")
        try:
            with _classified(), self._reading.connect() as source, closing(sqlite3.connect(file)) as target:
                raw: Any = source.connection.driver_connection
                raw.backup(target)
                target.execute("PRAGMA journal_mode=DELETE")  # one file, which reading does not change
        except sqlite3.Error as fault:
            raise LedgerError("not_copied", type(fault).__name__, retryable=True) from None

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
        raise LedgerError("database", type(fault.orig).__name__, retryable=True) from None
    except (UnicodeError, OverflowError) as fault:
        raise LedgerError("not_storable", type(fault).__name__) from None


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


def marks_of(tx: sa.Connection, prefix: str) -> dict[str, str]:
    """Return the marks whose names begin so, without that prefix."""
    rows = tx.execute(sa.select(marks.c.name, marks.c.value).where(marks.c.name.startswith(prefix)))
    return {row.name.removeprefix(prefix): row.value for row in rows}


def set_mark(tx: sa.Connection, name: str, value: str) -> None:
    """Note how far a recurring task has come."""
    tx.execute(marks.delete().where(marks.c.name == name))
    tx.execute(marks.insert().values(name=name, value=value))
