"""Who did what, when, to which resource: one hash chain for each writing process (I9)."""

import hashlib
import hmac
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from contracts.frozen import Frozen
from integrations import clock
from integrations.ledger import attestation, marks, tables
from integrations.ledger.database import Database

RESTORED = "restored"
"""The mark of when a ledger was put back from a backup."""
EXPORTED = "audit_exported"
"""The mark of the newest record that is in the FHIR server."""
ROWS_ATTESTED = "rows_attested"
"""The mark of since when each record carries the hashes of its act's rows."""


class Action(StrEnum):
    READ = "read"
    VIEW = "view"
    """A person saw it."""
    MODEL_CALL = "model_call"
    MODEL_REFUSED = "model_refused"
    """An endpoint that may not see patient data was refused (I16)."""
    OPEN = "open"
    """A case was opened."""
    TELL = "tell"
    """Events were delivered to a case."""
    PROPOSE = "propose"
    SHOW = "show"
    """A version can be decided on from now on."""
    COVER = "cover"
    """The shown version has seen later events, which changed nothing."""
    DECIDE = "decide"
    UNDO = "undo"
    """A person took a decision back before its write-back began."""
    BEGIN_WRITE = "begin_write"
    """From here on a decision can't be taken back."""
    WRITE = "write"
    ESCALATE = "escalate"
    CORRECT = "correct"
    """A person opened a case to correct what was decided."""
    ACKNOWLEDGE = "acknowledge"
    """A person took note of a case that ended undecided."""
    CLOSE = "close"
    END = "end"
    """A decided case ended as its decision says."""
    STOP = "stop"
    START = "start"
    """A person stopped or started a model or a pathway."""
    EXPORT = "export"
    """A trajectory left the encrypted store."""
    DICTATE = "dictate"
    """A person put a recording into the chart."""
    RECORD = "record"
    """A trajectory was kept."""
    REGISTER = "register"
    """A tuned model entered the registry."""
    DEPLOY = "deploy"
    """An alias means another model from now on."""
    SERVE = "serve"
    """A supervisor of local model servers has another model up for an alias, or none."""
    BIND = "bind"
    """From now on the values of each new case in Temporal are sealed for it."""
    ATTEST = "attest"
    """Settled events are vouched for from now on."""
    BASELINE = "baseline"
    """Rows of before records carried the hashes of their act's rows; once for each ledger."""
    BACKUP = "backup"
    """A copy of the records left for another folder."""
    RESTORE = "restore"
    REBUILD = "rebuild"
    """Temporal did not know cases any more, and was told of them from the ledger."""


class AuditRecord(Frozen):
    at: datetime
    actor: str
    """`process:name` or `person:id`."""
    action: Action
    what: str
    """`Type/id`, or what was shown or called."""
    case_id: str | None = None
    encounter_id: str | None = None
    detail: str = ""
    rows: dict[str, str] = {}
    """Keyed hash of each row that the act left, by its name (`integrations.ledger.attestation`)."""
    heads: dict[str, int] = {}
    """Of a restore and of the baseline: the position at which each chain ended at that moment."""

    def stored(self) -> str:
        """Return the record as text; what is silent is left out, as in records of before it could be said."""
        return self.model_dump_json(exclude={name for name in ("rows", "heads") if not getattr(self, name)})


@dataclass(frozen=True)
class Act:
    """What `Auditor.append` is told of an act."""

    action: Action
    what: str
    rows: Sequence[attestation.Row] = ()
    fields: Mapping[str, str | None] = field(default_factory=dict)
    """Other fields of its `AuditRecord`."""


@dataclass(frozen=True)
class Auditor:
    """Appends to one chain. The hash is keyed, so that whoever can write the table can't forge a chain."""

    chain: str
    key: bytes

    def append(
        self, tx: sa.Connection, action: Action, what: str, rows: Iterable[attestation.Row] = (), **fields: str | None
    ) -> None:
        """Append in the transaction of the act itself: no record, no act. `actor` defaults to the process.

        `rows` names what the act has written by now, or removed; the record carries their hashes.
        """
        self.record(tx, action, what, attestation.hashes(tx, self.key, rows), {}, **fields)

    def record(
        self,
        tx: sa.Connection,
        action: Action,
        what: str,
        hashes: Mapping[str, str],
        ends: Mapping[str, int],
        /,
        **fields: str | None,
    ) -> None:
        """Append a record that carries these hashes, and where each chain ends."""
        self._keep(tx, [self._stored(action, what, hashes, ends, fields)])

    def append_all(self, tx: sa.Connection, acts: Iterable[Act]) -> None:
        """Append a record for each act as `append` does, with one statement for all of them."""
        hashed = [(act, attestation.hashes(tx, self.key, act.rows)) for act in acts]
        self._keep(tx, [self._stored(act.action, act.what, hashes, {}, act.fields) for act, hashes in hashed])

    def _stored(
        self, action: Action, what: str, hashes: Mapping[str, str], ends: Mapping[str, int],
        fields: Mapping[str, str | None],
    ) -> str:  # fmt: skip
        actor = fields.get("actor") or f"process:{self.chain}"
        known = {"at": clock.now(), "action": action, "what": what, "rows": hashes, "heads": ends}
        return AuditRecord.model_validate({**known, **fields, "actor": actor}).stored()

    def _keep(self, tx: sa.Connection, records: Sequence[str]) -> None:
        last = tx.execute(
            sa.select(tables.audit.c.position, tables.audit.c.hash)
            .where(tables.audit.c.chain == self.chain)
            .order_by(tables.audit.c.position.desc())
            .limit(1)
        ).first()
        position, previous = (last.position, last.hash) if last else (0, "")
        rows: list[dict[str, Any]] = []
        for record in records:
            position += 1
            hash_ = link(self.key, self.chain, position, previous, record)
            place = {"chain": self.chain, "position": position}
            rows.append(place | {"record": record, "previous_hash": previous, "hash": hash_})
            previous = hash_
        if rows:
            tx.execute(tables.audit.insert(), rows)


@dataclass(frozen=True)
class KeptRecord:
    """A record with its place in its chain."""

    seq: int
    """Its number among the records of all chains."""
    chain: str
    position: int
    hash: str
    record: AuditRecord

    @classmethod
    def of(cls, seq: int, chain: str, position: int, hash_: str, stored: str) -> "KeptRecord":
        """Return a row of the table, its record parsed."""
        return cls(seq, chain, position, hash_, AuditRecord.model_validate_json(stored))


def chain_name(tx: sa.Connection, process: str) -> str:
    """Return the chain that a process appends to: another one after each restore.

    Records made after the backup may be anchored in the chart; a chain that went on from the backup would overwrite
    them there.
    """
    restored = marks.mark(tx, RESTORED)
    return f"{process}-{datetime.fromisoformat(restored):%Y%m%d%H%M%S}" if restored else process


def link(key: bytes, chain: str, position: int, previous: str, record: str) -> str:
    """Return the hash that ties a record to its place and to all before it."""
    content = json.dumps([chain, position, previous, record]).encode()
    return hmac.new(key, content, hashlib.sha256).hexdigest()


def heads(tx: sa.Connection) -> dict[str, int]:
    """Return the position at which each chain ends."""
    newest = sa.select(tables.audit.c.chain, sa.func.max(tables.audit.c.position).label("position")).group_by(
        tables.audit.c.chain
    )
    return {row.chain: row.position for row in tx.execute(newest)}


def last_records(tx: sa.Connection) -> dict[str, tuple[int, str]]:
    """Return the position and hash at which each chain ends."""
    newest = sa.select(tables.audit.c.chain, sa.func.max(tables.audit.c.position).label("position"))
    found = newest.group_by(tables.audit.c.chain).subquery()
    joined = (tables.audit.c.chain == found.c.chain) & (tables.audit.c.position == found.c.position)
    rows = tx.execute(sa.select(tables.audit).join(found, joined))
    return {row.chain: (row.position, row.hash) for row in rows}


def exported_to(tx: sa.Connection) -> int:
    """Return the number of the newest audit record that was brought to the FHIR server."""
    return int(marks.mark(tx, EXPORTED) or 0)


def note_exported(tx: sa.Connection, seq: int) -> None:
    """Note up to which audit record the FHIR server has them."""
    marks.set_mark(tx, EXPORTED, str(seq))


def to_export(tx: sa.Connection, most: int) -> list[KeptRecord]:
    """Return the next records that the FHIR server lacks, in order."""
    newer = tables.audit.c.seq > exported_to(tx)
    rows = tx.execute(sa.select(tables.audit).where(newer).order_by(tables.audit.c.seq).limit(most))
    return [KeptRecord.of(row.seq, row.chain, row.position, row.hash, row.record) for row in rows]


def begin(db: Database, auditor: Auditor) -> None:
    """Vouch for the rows of before records carried hashes, once: from then on a row without its record is a finding."""
    with db.read() as tx:
        if marks.mark(tx, ROWS_ATTESTED) is not None:
            return
    with db.write() as tx:
        if marks.mark(tx, ROWS_ATTESTED) is not None:
            return
        ended = heads(tx)
        marks.set_mark(tx, ROWS_ATTESTED, clock.now().isoformat())
        found = [(row.name, hash_) for row, hash_ in attestation.present(tx, auditor.key)]
        parts = [found[start : start + attestation.RANGE] for start in range(0, len(found), attestation.RANGE)]
        for number, part in enumerate(parts, 1):
            detail = f"part {number} of {len(parts)}"
            auditor.record(tx, Action.BASELINE, "ledger", dict(part), ended if number == 1 else {}, detail=detail)


def attest_events(db: Database, auditor: Auditor) -> int:
    """Vouch for the next range of settled events; return how many ids it has, 0 where nothing was settled."""
    with db.read() as tx:
        span = attestation.next_range(tx)
        if span is None:
            return 0
        hash_ = attestation.events_digest(tx, auditor.key, *span)
    first, last = span
    with db.write() as tx:
        if int(marks.mark(tx, attestation.EVENTS_ATTESTED) or 0) != first - 1:  # another process was first
            return 0
        marks.set_mark(tx, attestation.EVENTS_ATTESTED, str(last))
        auditor.record(tx, Action.ATTEST, f"events {first} to {last}", {attestation.range_name(first, last): hash_}, {})
    return last - first + 1
