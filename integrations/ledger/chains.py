"""Reads the audit chains back: whether each is whole, what it vouches for, and whether it is as others knew it."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from contracts.frozen import Frozen
from integrations.ledger import attestation, audit, tables
from integrations.ledger.audit import Action

FIRST_PART = "part 1 of "


class Anchor(Frozen):
    """A record of a chain as it is known outside the ledger."""

    chain: str
    position: int
    hash: str
    at: datetime
    """When it was recorded, or known there at the latest."""


@dataclass(frozen=True)
class Cut:
    """A moment at which the ledger stated where each chain ends."""

    at: datetime
    heads: Mapping[str, int]
    """Empty in restores of before they were stated."""


@dataclass
class Chains:
    """What all chains together say; rows whose chain is broken say nothing."""

    findings: list[str] = field(default_factory=list)
    heads: dict[str, int] = field(default_factory=dict)
    hashes: dict[tuple[str, int], str] = field(default_factory=dict)
    """Of the positions that were wanted."""
    exported: dict[str, int] = field(default_factory=dict)
    """Newest position of each chain that the mark of the export says is in the chart."""
    restores: list[Cut] = field(default_factory=list)
    baseline: Cut | None = None
    latest: dict[str, str] = field(default_factory=dict)
    """Hash of each row by its name, of the newest record about it."""
    events: dict[tuple[int, int], str] = field(default_factory=dict)
    """Hash of each attested range of events."""

    def against(self, anchors: Iterable[Anchor], place: str) -> Iterator[str]:
        """Yield where the ledger is not as it is known in that place."""
        for anchor in anchors:
            head = self.heads.get(anchor.chain, 0)
            if anchor.position <= head:
                if self.hashes.get((anchor.chain, anchor.position)) != anchor.hash:
                    yield f"audit chain {anchor.chain} has another record {anchor.position} than {place}"
            elif not self._lost(anchor, head):
                yield f"audit chain {anchor.chain} ends at {head}, {place} has its record {anchor.position}"

    def _lost(self, anchor: Anchor, head: int) -> bool:
        """Return whether the record came after a backup that was restored: no chain goes on after a restore."""
        for restore in self.restores:
            ended = restore.heads or (self.baseline.heads if self.baseline else None)
            if anchor.at <= restore.at and (ended is None or head == ended.get(anchor.chain, 0)):
                return True
        return False


def read(tx: sa.Connection, key: bytes, wanted: Iterable[tuple[str, int]] = (), exported: int = 0) -> Chains:
    """Read every chain, and note the hashes at the wanted places (chain, position)."""
    found, places = Chains(), set(wanted)
    newest: dict[str, tuple[str, datetime, int]] = {}
    baselines, last_seq = 0, 0
    ordered = sa.select(tables.audit).order_by(tables.audit.c.chain, tables.audit.c.position)
    chain, position, previous, count = "", 0, "", 0
    for row in tx.execute(ordered.execution_options(yield_per=500)):
        if row.chain != chain:
            chain, position, previous, last_seq = row.chain, 0, "", 0
        count += 1
        expected = audit.link(key, row.chain, row.position, previous, row.record)
        whole = row.position == position + 1 and row.previous_hash == previous and row.hash == expected
        if not whole or row.seq <= last_seq:
            found.findings.append(f"audit chain {row.chain} breaks at {row.position}")
        position, previous, last_seq = row.position, row.hash, row.seq
        found.heads[chain] = position
        if row.seq <= exported:
            found.exported[chain] = position
        if (chain, position) in places:
            found.hashes[chain, position] = row.hash
        if whole:
            baselines += _note(found, newest, json.loads(row.record), row)
    found.findings += _overall(tx, found, baselines, count, exported)
    return found


def _note(found: Chains, newest: dict[str, tuple[str, datetime, int]], record: dict[str, Any], row: sa.Row[Any]) -> int:
    """Take up what the record vouches for; return 1 for the first part of a baseline."""
    action, at, heads = record["action"], datetime.fromisoformat(record["at"]), record.get("heads", {})
    for name, hash_ in record.get("rows", {}).items():
        if (span := attestation.range_of(name)) is not None:
            if span in found.events:
                found.findings.append(f"events {span[0]} to {span[1]} were attested twice")
            found.events[span] = hash_
            continue
        known = newest.get(name)
        # Within a chain its order counts; `seq`, which no hash covers, decides between chains at equal times alone.
        if known is None or known[0] == row.chain or (at, row.seq) > known[1:]:
            newest[name] = row.chain, at, row.seq
            found.latest[name] = hash_
    if action == Action.RESTORE:
        found.restores.append(Cut(at, heads))
    if action == Action.BASELINE and record["detail"].startswith(FIRST_PART):
        found.baseline = Cut(at, heads)
        return 1
    return 0


def _overall(tx: sa.Connection, found: Chains, baselines: int, count: int, exported: int) -> Iterator[str]:
    if baselines != 1:
        yield f"the audit has {baselines} baselines, and each ledger has one"
    if found.baseline:
        for chain, position in found.baseline.heads.items():
            if found.heads.get(chain, 0) < position:
                yield f"audit chain {chain} ends at {found.heads.get(chain, 0)}, the baseline at {position}"
    first, last = tx.execute(sa.select(sa.func.min(tables.audit.c.seq), sa.func.max(tables.audit.c.seq))).one()
    if count and tx.dialect.name == "sqlite" and last - first + 1 != count:  # elsewhere numbers may be left out
        yield "audit records are missing from the order of all chains"
    if exported > (last or 0):
        yield f"mark audit_exported is {exported}, the newest record is {last or 0}"
