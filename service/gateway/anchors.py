"""The audit chains as others hold them: AuditEvents in the chart, and signed heads in a file for another host."""

import os
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from pydantic import ValidationError

from contracts.charts import TAG
from contracts.errors import ConfigurationError, ConfigurationFault, FhirError, FhirFault
from contracts.frozen import Frozen
from integrations import clock
from integrations.fhir.client import FhirClient, Resource
from integrations.ledger import audit
from integrations.ledger.chains import Anchor
from integrations.ledger.database import Database

PREFIX = "wardflow-"
"""Of the id of our AuditEvents, then chain and position."""
OURS = f"AuditEvent?_tag={TAG}|audit"
HEADS_FILE = "audit-heads.jsonl"
"""In the state folder; a line a day, and at each start and stop of the gateway."""


class Known(Frozen):
    """What a place holds of the chains, and what is wrong with that itself."""

    anchors: tuple[Anchor, ...]
    ends: Mapping[str, int]
    """The newest position of each chain there."""
    findings: tuple[str, ...] = ()


class Heads(Frozen):
    """One line of the file of heads."""

    schema_version: int = 1
    at: datetime
    chains: dict[str, tuple[int, str]]
    """Position and hash of the newest record of each."""
    key: str
    """Hex public key, for a reader that has none; a check goes by the key of keys.json."""
    signature: str = ""
    """Hex Ed25519 over `signed_bytes`."""

    def signed_bytes(self) -> bytes:
        """Return what the signature is taken over."""
        return self.model_copy(update={"signature": ""}).canonical()


def in_chart(fhir: FhirClient, heads: Mapping[str, int]) -> Known:
    """Read from the chart how far each chain goes there; `heads` are the ledger's, which need not be true.

    The newest record of a chain is found by ids, in a few reads, whatever the ledger says. Their sum is compared with
    the number of all our AuditEvents: only where it differs every one is listed, which finds chains that the ledger
    does not name at all. Raises FhirError.
    """
    before = fhir.count(OURS)
    anchors: list[Anchor] = []
    ends: dict[str, int] = {}
    for chain, head in heads.items():
        ends[chain] = end = _newest(fhir, chain, head)
        anchors += [_anchor(fhir.read("AuditEvent", _id(chain, n))) for n in sorted({min(head, end), end} - {0})]
    after = fhir.count(OURS)
    if before is not None and after is not None and before <= sum(ends.values()) <= after:
        return Known(anchors=tuple(anchors), ends=ends)
    return _listed(fhir, anchors, ends)


def _listed(fhir: FhirClient, anchors: list[Anchor], ends: dict[str, int]) -> Known:
    counts: dict[str, int] = {}
    newest: dict[str, Anchor] = {}
    for page in fhir.pages(OURS):
        for found in map(_anchor, page):
            counts[found.chain] = counts.get(found.chain, 0) + 1
            if found.chain not in newest or newest[found.chain].position < found.position:
                newest[found.chain] = found
    unknown = [anchor for chain, anchor in newest.items() if chain not in ends]
    ends |= {anchor.chain: anchor.position for anchor in unknown}
    short = [chain for chain, end in ends.items() if counts.get(chain, 0) < end]
    lacks = (f"the FHIR server has {counts.get(c, 0)} audit records of chain {c}, up to {ends[c]}" for c in short)
    return Known(anchors=(*anchors, *unknown), ends=ends, findings=tuple(lacks))


def _newest(fhir: FhirClient, chain: str, head: int) -> int:
    """Return the newest position of a chain in the chart; they came in order, so those up to it are there."""
    there, missing, step = head, head + 1, 1
    if _has(fhir, chain, missing):
        while _has(fhir, chain, missing):
            there, missing, step = missing, missing + step, step * 2
    else:
        while there > 0 and not _has(fhir, chain, there):
            there, missing, step = max(there - step, 0), there, step * 2
    while missing - there > 1:
        middle = (there + missing) // 2
        there, missing = (middle, missing) if _has(fhir, chain, middle) else (there, middle)
    return there


def _has(fhir: FhirClient, chain: str, position: int) -> bool:
    return fhir.find("AuditEvent", _id(chain, position)) is not None


def _id(chain: str, position: int) -> str:
    return f"{PREFIX}{chain}-{position}"


def _anchor(event: Resource) -> Anchor:
    """Return what an AuditEvent of ours anchors. Raises FhirError for one that is not as we write them."""
    chain, _, position = event.get("id", "").removeprefix(PREFIX).rpartition("-")
    given = (entity.get("what", {}).get("identifier", {}) for entity in event.get("entity", ()))
    hash_ = next((i.get("value") for i in given if i.get("system") == f"{TAG}:audit-hash"), None)
    try:
        return Anchor(chain=chain, position=int(position), hash=hash_ or "", at=event["recorded"])
    except (ValueError, KeyError):
        raise FhirError(FhirFault.REFUSED, "an audit record in the chart is not as we write them") from None


def write_heads(db: Database, path: Path, signer: Ed25519PrivateKey) -> None:
    """Append the signed heads of all chains; the file is its owner's, and keeps the mode that a deployment gives it."""
    with db.read() as tx:
        chains = audit.last_records(tx)
    unsigned = Heads(at=clock.now(), chains=chains, key=signer.public_key().public_bytes_raw().hex())
    line = unsigned.model_copy(update={"signature": signer.sign(unsigned.signed_bytes()).hex()}).model_dump_json()
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    with os.fdopen(descriptor, "a") as file:
        file.write(line + "\n")


def in_file(path: Path, verify_key: str) -> Known:
    """Read a file of heads, or a copy of one. Raises ConfigurationError where it can't be read."""
    key, anchors, findings, ends = Ed25519PublicKey.from_public_bytes(bytes.fromhex(verify_key)), [], [], {}
    try:
        lines = path.read_text().splitlines()
    except (OSError, UnicodeError) as fault:
        raise ConfigurationError(ConfigurationFault.NO_HEADS, f"{path} can't be read: {type(fault).__name__}") from None
    for number, line in enumerate(lines, 1):
        try:
            heads = Heads.model_validate_json(line)
            key.verify(bytes.fromhex(heads.signature), heads.signed_bytes())
        except (ValidationError, InvalidSignature, ValueError):
            findings.append(f"{path.name} line {number} is not signed with our key")
            continue
        anchors += _anchors(heads)
        ends |= {chain: position for chain, (position, _) in heads.chains.items()}
    if not anchors:
        findings.append(f"{path.name} holds no signed head")
    return Known(anchors=tuple(anchors), ends=ends, findings=tuple(findings))


def _anchors(heads: Heads) -> Iterator[Anchor]:
    for chain, (position, hash_) in heads.chains.items():
        yield Anchor(chain=chain, position=position, hash=hash_, at=heads.at)


def ends_of(db: Database) -> dict[str, int]:
    """Return where the ledger says that each chain ends."""
    with db.read() as tx:
        return audit.heads(tx)
