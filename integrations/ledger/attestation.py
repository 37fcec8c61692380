"""Which columns of the ledger the audit chains vouch for: the record of an act carries keyed hashes of its rows."""

import hashlib
import hmac
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from contracts.cases import ENDED
from contracts.events import Fate
from integrations.ledger import marks, tables

GONE = ""
"""In place of a hash: the act removed the row."""
EVENTS = "events"
"""Kind of a range of settled inbox rows, which are attested together: an audit record for each would cost too much."""
RANGE = 500
"""Rows of one such range."""
EVENTS_ATTESTED = "events_attested"
"""The mark of the newest event that is in an attested range."""
DIGITS = 32  # 128 bits of an HMAC-SHA256


class Kind(StrEnum):
    """A part of a row, always written in the transaction of the audit record that carries its hash."""

    OPENED = "opened"
    """Whose a case is, and its clock."""
    SHOWN = "shown"
    """What a case shows, and the newest event that this has seen."""
    ESCALATED = "escalated"
    ENDED = "ended"
    RUN = "run"
    DECISION = "decision"
    UNDONE = "undone"
    WRITE_BACK = "write_back"
    OWN_WRITE = "own_write"
    CALL = "call"
    TRAJECTORY = "trajectory"
    OUTCOME = "outcome"
    DELIVERY = "delivery"
    """Which case an event was told to."""
    ACKNOWLEDGED = "acknowledged"
    CORRECTION = "correction"
    MODEL = "model"
    DEPLOYMENT = "deployment"
    MARK = "mark"
    """What is served, stopped, restored, rebuilt, and since when rows are attested and values sealed for their case."""


@dataclass(frozen=True)
class Attested:
    """The columns of a kind, and which rows of the table have it."""

    table: sa.Table
    columns: tuple[sa.Column[Any], ...]
    where: sa.ColumnElement[bool] | None = None

    @property
    def key(self) -> tuple[sa.Column[Any], ...]:
        return tuple(self.table.primary_key.columns)


@dataclass(frozen=True)
class Row:
    """Names a row: the kind, and the values of its table's primary key."""

    kind: Kind
    key: tuple[str | int, ...]

    @property
    def name(self) -> str:
        return json.dumps([self.kind, *self.key])


def _of(table: sa.Table, *names: str, where: sa.ColumnElement[bool] | None = None) -> Attested:
    return Attested(table, tuple(table.c[name] for name in names) or tuple(table.c), where)


_cases, _marks = tables.cases.c, tables.marks.c
KINDS: Mapping[Kind, Attested] = {
    Kind.OPENED: _of(tables.cases, "pathway", "encounter_id", "generation", "accepted_at", "due_at"),
    Kind.SHOWN: _of(
        tables.cases, "version", "covers_event", "suggestion_blob", "suggestion_hash", "snapshot_blob", "task_version",
        "suggested_at", where=(_cases.version != 0) | (_cases.covers_event != 0) | _cases.suggestion_blob.is_not(None)
        | _cases.suggestion_hash.is_not(None) | _cases.snapshot_blob.is_not(None) | _cases.task_version.is_not(None)
        | _cases.suggested_at.is_not(None),
    ),
    Kind.ESCALATED: _of(
        tables.cases, "escalation_step", "escalated_at",
        where=(_cases.escalation_step != 0) | _cases.escalated_at.is_not(None),
    ),
    Kind.ENDED: _of(tables.cases, "state", "ended_at", where=_cases.state.in_(ENDED) | _cases.ended_at.is_not(None)),
    Kind.RUN: _of(tables.runs),
    Kind.DECISION: _of(tables.decisions),
    Kind.UNDONE: _of(tables.undone),
    Kind.WRITE_BACK: _of(tables.write_backs),
    Kind.OWN_WRITE: _of(tables.own_writes, where=tables.own_writes.c.version_id != ""),
    Kind.CALL: _of(tables.calls),
    Kind.TRAJECTORY: _of(tables.trajectories),
    Kind.OUTCOME: _of(tables.outcomes),
    Kind.DELIVERY: _of(tables.deliveries),
    Kind.ACKNOWLEDGED: _of(tables.acknowledged),
    Kind.CORRECTION: _of(tables.corrections),
    Kind.MODEL: _of(tables.models),
    Kind.DEPLOYMENT: _of(tables.deployments),
    Kind.MARK: _of(
        tables.marks,
        where=_marks.name.startswith("served:") | _marks.name.startswith("stopped:")
        | _marks.name.in_(["restored", "temporal_rebuilt", "rows_attested", marks.BOUND_SINCE]),
    ),
}  # fmt: skip

DERIVED = {
    "counters.decision:": "an operator's figure; the decisions themselves are attested",
    "counters.suggestion:": "an operator's figure; what was shown is attested",
    "counters.lag": "an operator's figure",
    "counters.messages_refused": "an operator's figure",
    "counters.unreadable:": "the quota of one hour; a lower figure lets a feed's unreadable messages have more rows",
    "marks.sign:": "a sign of life, a few seconds old; the next one replaces it",
    "marks.spent:": "what a model cost today; a lower figure lets more of it be bought, each call is attested",
    "marks.refused:": "a message that did not open, so that a replay does not count it again",
    "marks.cases_without_workflow": "an operator's figure, replaced at each look; the check asks Temporal itself",
    "marks.followed:": "how the last search for a type went, replaced at the next one",
    "leases.": "who does what only one may do, for some seconds; the next holder replaces it",
    "readings.": "which version a reader saw last; a false one costs, or spares, one more look at the chart",
    "marks.reconciled:": "up to when a feed was searched, replaced every few seconds; one in the future is found",
    "marks.outcomes_seen": "up to where outcomes were looked for; what was found is attested",
    "marks.backed_up": "when the last backup was taken, a reminder; the backup has its own record",
    "marks.doctor": "a test of writing",
    "marks.audit_exported": "too low sends records again, under the same ids; too high is found",
    "evidence.": "derived from the suggestions that were shown, which are attested",
    "own_writes.": "a row without a version is a write under way, and gone when it is done",
    "inbox.": "an event that waits, or was settled after the last round of attestation (a minute): not yet attested",
}
"""What is not vouched for, and why: `table.` and how the key of its row begins, or `table.` alone as said there."""


def digest(key: bytes, kind: str, values: Iterable[object]) -> str:
    """Return the keyed hash of a row's values."""
    content = json.dumps([kind, *map(_plain, values)]).encode()
    return hmac.new(key, content, hashlib.sha256).hexdigest()[:DIGITS]


def hashes(tx: sa.Connection, key: bytes, rows: Iterable[Row]) -> dict[str, str]:
    """Return the hash of each row as it stands in this transaction, GONE where there is none."""
    found: dict[str, str] = {}
    for row in rows:
        attested = KINDS[row.kind]
        if len(attested.columns) == len(attested.key):  # nothing but its key, which the caller has just written
            found[row.name] = digest(key, row.kind, row.key)
            continue
        same = (column == value for column, value in zip(attested.key, row.key, strict=True))
        values = tx.execute(sa.select(*attested.columns).where(*same)).first()
        found[row.name] = GONE if values is None else digest(key, row.kind, values)
    return found


def present(tx: sa.Connection, key: bytes) -> Iterator[tuple[Row, str]]:
    """Yield every row of every kind with its hash."""
    for kind, attested in KINDS.items():
        query = sa.select(*attested.key, *(c.label(f"attested_{c.name}") for c in attested.columns))
        if attested.where is not None:
            query = query.where(attested.where)
        width = len(attested.key)
        for values in tx.execute(query.execution_options(yield_per=RANGE)):
            yield Row(kind, tuple(values[:width])), digest(key, kind, values[width:])


def differences(tx: sa.Connection, key: bytes, latest: Mapping[str, str]) -> Iterator[str]:
    """Yield each row that is not as the newest audit record about it left it; `latest` is by the row's name."""
    left = dict(latest)
    for row, hash_ in present(tx, key):
        vouched = left.pop(row.name, GONE)
        if vouched == GONE:
            yield f"{_said(row.name)} is in the ledger, and in no audit record"
        elif vouched != hash_:
            yield f"{_said(row.name)} is not as its audit record left it"
    for name, vouched in left.items():
        if vouched != GONE:
            yield f"{_said(name)} is in the audit, and no more in the ledger"


def events_digest(tx: sa.Connection, key: bytes, first: int, last: int) -> str:
    """Return the hash of the inbox rows of that range of ids."""
    inbox = tables.inbox
    rows = tx.execute(inbox.select().where(inbox.c.event_id.between(first, last)).order_by(inbox.c.event_id))
    whole = hmac.new(key, digestmod=hashlib.sha256)
    for row in rows:
        whole.update(json.dumps([_plain(value) for value in row]).encode() + b"\n")
    return whole.hexdigest()[:DIGITS]


def next_range(tx: sa.Connection) -> tuple[int, int] | None:
    """Return the next range of ids whose events are all settled, or None where nothing new is."""
    after, ids = int(marks.mark(tx, EVENTS_ATTESTED) or 0), tables.inbox.c.event_id
    waiting = tx.scalar(sa.select(sa.func.min(ids)).where(tables.inbox.c.fate == Fate.PENDING))
    settled = (ids > after,) if waiting is None else (ids > after, ids < waiting)
    last = tx.scalar(sa.select(sa.func.max(ids)).where(*settled, ids <= after + RANGE))
    if last is None:  # a gap of that length, as after transactions that were taken back
        last = tx.scalar(sa.select(sa.func.min(ids)).where(*settled))
    return (after + 1, last) if last is not None else None


def events_differences(tx: sa.Connection, key: bytes, ranges: Mapping[tuple[int, int], str]) -> Iterator[str]:
    """Yield each attested range whose rows have changed since, and where the ranges leave something out."""
    end = 0
    for (first, last), vouched in sorted(ranges.items()):
        if first != end + 1:
            yield f"events {end + 1} to {first - 1} are in no attested range, or twice"
        if events_digest(tx, key, first, last) != vouched:
            yield f"events {first} to {last} are not as they were attested"
        end = last
    if int(marks.mark(tx, EVENTS_ATTESTED) or 0) != end:
        yield f"mark {EVENTS_ATTESTED} is not the end of the last attested range"


def unattested(tx: sa.Connection) -> int:
    """Return how many events are in no attested range yet."""
    after = int(marks.mark(tx, EVENTS_ATTESTED) or 0)
    return tx.scalar(sa.select(sa.func.count()).select_from(tables.inbox).where(tables.inbox.c.event_id > after)) or 0


def range_name(first: int, last: int) -> str:
    """Return the name of a range in an audit record."""
    return json.dumps([EVENTS, first, last])


def range_of(name: str) -> tuple[int, int] | None:
    """Return the range of that name, or None where it names a row."""
    kind, *key = json.loads(name)
    return (key[0], key[1]) if kind == EVENTS else None


def _said(name: str) -> str:
    kind, *key = json.loads(name)
    return f"{kind} {'/'.join(str(part)[:40] for part in key)}"


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, bytes):
        return hashlib.sha256(value).hexdigest()
    return value
