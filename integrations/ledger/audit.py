"""Who did what, when, to which resource: one hash chain for each writing process (I9)."""

import hashlib
import hmac
import json
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa

from contracts.frozen import Frozen
from integrations.ledger import tables

RESTORED = "restored"
"""The mark of when a ledger was put back from a backup."""


class Action(StrEnum):
    READ = "read"
    VIEW = "view"
    """A person saw it."""
    MODEL_CALL = "model_call"
    MODEL_REFUSED = "model_refused"
    """An endpoint that may not see patient data was refused (I16)."""
    PROPOSE = "propose"
    DECIDE = "decide"
    WRITE = "write"
    ESCALATE = "escalate"
    CLOSE = "close"
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


@dataclass(frozen=True)
class Auditor:
    """Appends to one chain. The hash is keyed, so that whoever can write the table can't forge a chain."""

    chain: str
    key: bytes

    def append(self, tx: sa.Connection, action: Action, what: str, **fields: str | None) -> None:
        """Append in the transaction of the act itself: no record, no act. `actor` defaults to the process."""
        actor = fields.pop("actor", None) or f"process:{self.chain}"
        record = AuditRecord.model_validate(
            {"at": tables.now(), "actor": actor, "action": action, "what": what, **fields}
        ).model_dump_json()
        last = tx.execute(
            sa.select(tables.audit.c.position, tables.audit.c.hash)
            .where(tables.audit.c.chain == self.chain)
            .order_by(tables.audit.c.position.desc())
            .limit(1)
        ).first()
        position, previous = (last.position + 1, last.hash) if last else (1, "")
        tx.execute(
            tables.audit.insert().values(
                chain=self.chain,
                position=position,
                record=record,
                previous_hash=previous,
                hash=link(self.key, self.chain, position, previous, record),
            )
        )


def chain_name(tx: sa.Connection, process: str) -> str:
    """Return the chain that a process appends to: another one after each restore.

    Records made after the backup may be anchored in the chart; a chain that went on from the backup would overwrite
    them there.
    """
    restored = tables.mark(tx, RESTORED)
    return f"{process}-{datetime.fromisoformat(restored):%Y%m%d%H%M%S}" if restored else process


def link(key: bytes, chain: str, position: int, previous: str, record: str) -> str:
    """Return the hash that ties a record to its place and to all before it."""
    content = json.dumps([chain, position, previous, record]).encode()
    return hmac.new(key, content, hashlib.sha256).hexdigest()


def verify(tx: sa.Connection, key: bytes, anchors: dict[str, tuple[int, str]]) -> list[str]:
    """Return what is wrong with the chains: changed, missing or cut records, each as one line.

    `anchors` holds position and hash of chain heads as they were seen outside the ledger.
    """
    wrong: list[str] = []
    heads: dict[str, tuple[int, str]] = {}
    seen: dict[tuple[str, int], str] = {}
    for row in tx.execute(sa.select(tables.audit).order_by(tables.audit.c.chain, tables.audit.c.position)):
        position, previous = heads.get(row.chain, (0, ""))
        expected = link(key, row.chain, row.position, previous, row.record)
        if row.position != position + 1 or row.previous_hash != previous or row.hash != expected:
            wrong.append(f"audit chain {row.chain} breaks at {row.position}")
        heads[row.chain] = (row.position, row.hash)
        seen[row.chain, row.position] = row.hash
    for chain, (position, hash_) in anchors.items():
        if seen.get((chain, position)) != hash_:
            wrong.append(f"audit chain {chain} lacks the anchored record {position}")
    return wrong
