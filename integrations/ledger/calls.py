"""Which models were called for each version of a case, and where their answers lie."""

import sqlalchemy as sa

from contracts.frozen import Frozen
from integrations.ledger.tables import calls


class CallRow(Frozen):
    """One model call; columns of `tables.calls`."""

    version: int
    position: int
    call_blob: str


def find(tx: sa.Connection, case_id: str, version: int, request_hash: str) -> str | None:
    """Return the blob of the call with that request, or None before it was made."""
    same = (calls.c.case_id == case_id, calls.c.version == version, calls.c.request_hash == request_hash)
    return tx.scalar(sa.select(calls.c.call_blob).where(*same))


def record(tx: sa.Connection, case_id: str, version: int, request_hash: str, call_blob: str) -> None:
    """Record a call behind those of its version."""
    same = (calls.c.case_id == case_id, calls.c.version == version)
    position = tx.scalar(sa.select(sa.func.count()).select_from(calls).where(*same)) or 0
    row = {"case_id": case_id, "version": version, "request_hash": request_hash, "position": position}
    tx.execute(calls.insert().values(row | {"call_blob": call_blob}))


def of_case(tx: sa.Connection, case_id: str) -> list[CallRow]:
    """Return the calls of a case in the order in which each version made them."""
    columns = (calls.c.version, calls.c.position, calls.c.call_blob)
    rows = tx.execute(sa.select(*columns).where(calls.c.case_id == case_id).order_by(calls.c.position))
    return [CallRow.model_validate(dict(row)) for row in rows.mappings()]
