"""The schema of before there were migrations; an older ledger gets what it lacks of it."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0001", None
TIME = sa.String(32)
metadata = sa.MetaData()


def upgrade() -> None:
    """Make the tables and indexes that are missing."""
    metadata.create_all(op.get_bind())
    for index in (index for table in metadata.sorted_tables for index in table.indexes):
        index.create(op.get_bind(), checkfirst=True)


def _key(name: str, type_: Any = sa.String) -> sa.Column[Any]:
    return sa.Column(name, type_, primary_key=True)


def _have(type_: Any, *names: str) -> list[sa.Column[Any]]:
    return [sa.Column(name, type_, nullable=False) for name in names]


def _may(type_: Any, *names: str) -> list[sa.Column[Any]]:
    return [sa.Column(name, type_) for name in names]


# fmt: off
inbox = sa.Table(
    "inbox", metadata, _key("event_id", sa.Integer),
    *_have(sa.String, "feed", "resource_type", "resource_id", "version_id", "fate"),
    *_have(sa.Boolean, "own"), *_have(TIME, "accepted_at"),
    *_may(sa.String, "encounter_id", "body_blob", "reason", "case_id"), *_may(sa.LargeBinary, "body"),
    sa.UniqueConstraint("feed", "resource_type", "resource_id", "version_id"),
    sa.Index("inbox_pending", "fate", "event_id"), sa.Index("inbox_encounter", "encounter_id"),
    sqlite_autoincrement=True,
)
told = sa.Table(
    "told", metadata, _key("event_id", sa.Integer), _key("case_id"), sa.Index("told_case", "case_id"),
)
counters = sa.Table(
    "counters", metadata, _key("name"), *_have(sa.Integer, "count"),
)
marks = sa.Table("marks", metadata, _key("name"), *_have(sa.String, "value"))
cases = sa.Table(
    "cases", metadata, _key("case_id"), *_have(sa.String, "pathway", "encounter_id", "state"),
    *_have(TIME, "accepted_at", "due_at"), *_may(TIME, "escalated_at", "suggested_at", "ended_at"),
    *_have(sa.Integer, "generation", "escalation_step", "version", "covers_event"),
    *_may(sa.String, "suggestion_blob", "suggestion_hash", "snapshot_blob", "task_version"),
    sa.UniqueConstraint("pathway", "encounter_id", "generation"), sa.Index("cases_encounter", "encounter_id"),
    sa.Index("cases_state", "state", "due_at", "accepted_at"),
)
LIVE = cases.c.state.in_(["open", "decided"])
sa.Index(
    "cases_live", cases.c.pathway, cases.c.encounter_id, unique=True, sqlite_where=LIVE, postgresql_where=LIVE,
)
runs = sa.Table(
    "runs", metadata, _key("case_id"), _key("version", sa.Integer),
    *_have(sa.String, "snapshot_blob", "suggestion_blob"), *_have(TIME, "shown_at"),
)
decisions = sa.Table(
    "decisions", metadata, _key("decision_id"), *_have(sa.String, "case_id", "kind", "reviewer", "document"),
    *_may(sa.String, "selected"), *_have(TIME, "recorded_at"), sa.UniqueConstraint("case_id"),
)
undone = sa.Table(
    "undone", metadata, _key("decision_id"), *_have(sa.String, "case_id", "document", "undo"),
    *_have(TIME, "recorded_at", "undone_at"), sa.Index("undone_case", "case_id"),
)
write_backs = sa.Table(
    "write_backs", metadata, _key("case_id"), *_have(sa.String, "decision_id", "evidence"),
    *_have(TIME, "begun_at"),
)
own_writes = sa.Table(
    "own_writes", metadata, _key("resource_type"), _key("resource_id"), _key("version_id"),
    *_have(sa.String, "case_id", "content_hash"),
)
readings = sa.Table(
    "readings", metadata, _key("reader"), _key("resource_type"), _key("resource_id"), *_have(sa.String, "stamp"),
    sa.Index("readings_resource", "resource_type", "resource_id"),
)
calls = sa.Table(
    "calls", metadata, _key("case_id"), _key("version", sa.Integer), _key("request_hash"),
    *_have(sa.Integer, "position"), *_have(sa.String, "call_blob"),
)
trajectories = sa.Table(
    "trajectories", metadata, _key("case_id"), *_have(sa.String, "blob"), *_have(sa.Boolean, "trainable"),
    *_have(TIME, "recorded_at"),
)
outcomes = sa.Table(
    "outcomes", metadata, _key("case_id"), _key("kind"), *_have(sa.String, "resource"),
    *_have(TIME, "known_at", "recorded_at"),
)
models = sa.Table(
    "models", metadata, _key("name"), *_have(sa.String, "pathway", "document"), *_have(TIME, "registered_at"),
    *_may(sa.String, "rows_blob"),
)
deployments = sa.Table(
    "deployments", metadata, _key("deployment_id", sa.Integer), *_have(sa.String, "alias", "name", "by", "reason"),
    *_have(TIME, "since"), *_may(TIME, "until"), *_may(sa.String, "replaced"), sqlite_autoincrement=True,
)
NOW_DEPLOYED = deployments.c.until.is_(None)
sa.Index(
    "deployments_now", deployments.c.alias, unique=True, sqlite_where=NOW_DEPLOYED, postgresql_where=NOW_DEPLOYED,
)
audit = sa.Table(
    "audit", metadata, _key("seq", sa.Integer), *_have(sa.String, "chain", "record", "previous_hash", "hash"),
    *_have(sa.Integer, "position"), sa.UniqueConstraint("chain", "position"),
    sqlite_autoincrement=True,
)
# fmt: on
