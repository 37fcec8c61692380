"""Open a case in the ledger, with its audit record."""

from datetime import datetime, timedelta

from activities.world import World
from contracts.cases import CaseRef
from integrations.ledger import cases
from integrations.ledger.attestation import Kind, Row
from integrations.ledger.audit import Action
from integrations.ledger.cases import CaseRow
from integrations.ledger.database import Transaction


def open_case(
    world: World, tx: Transaction, pathway: str, encounter_id: str, generation: int, limit: timedelta,
    accepted_at: datetime, actor: str = "",
) -> CaseRow:  # fmt: skip
    """Open a case whose clock started at `accepted_at`. Raises LedgerError where one of its stay is open already."""
    case_id = world.records.blobs.keyring.name("case", pathway, encounter_id, str(generation))
    ref = CaseRef(case_id=case_id, pathway=pathway, encounter_id=encounter_id, generation=generation)
    case = cases.open_new(tx, ref, limit, accepted_at)
    rows, fields = (Row(Kind.OPENED, (case_id,)),), {"case_id": case_id, "encounter_id": encounter_id}
    by = {"actor": actor} if actor else {}
    world.records.auditor.append(tx, Action.OPEN, f"case due {case.due_at.isoformat()}", rows, **fields, **by)
    return case
