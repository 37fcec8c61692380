"""The trajectories for those who tune: listed, and taken out of the encrypted store as ATIF files."""

from datetime import datetime
from pathlib import Path

import sqlalchemy as sa

from activities.world import World
from contracts.cases import CaseState
from contracts.frozen import Frozen
from integrations.ledger import tables
from integrations.ledger.audit import Action


class Kept(Frozen):
    """One line of the index."""

    case_id: str
    pathway: str
    state: CaseState
    trainable: bool
    recorded_at: datetime
    blob: str


def listed(world: World, *, trainable_only: bool = False) -> list[Kept]:
    """Return the index, the oldest first."""
    kept, cases = tables.trajectories, tables.cases
    query = sa.select(kept, cases.c.pathway, cases.c.state).join(cases, cases.c.case_id == kept.c.case_id)
    if trainable_only:
        query = query.where(kept.c.trainable)
    with world.db.read() as tx:
        return [Kept.model_validate(dict(row)) for row in tx.execute(query.order_by(kept.c.recorded_at)).mappings()]


def export(world: World, folder: Path, by: str, *, trainable_only: bool = False) -> int:
    """Write each trajectory as `CASE.json`, readable by its owner only; each is audited first. Return how many.

    The files hold patient data: nothing in them is de-identified.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    chosen = listed(world, trainable_only=trainable_only)
    for row in chosen:
        with world.db.write() as tx:
            world.auditor.append(
                tx, Action.EXPORT, f"trajectory {row.blob[:16]}", actor=f"person:{by}", case_id=row.case_id
            )
        path = folder / f"{row.case_id}.json"
        path.touch(mode=0o600)
        path.write_bytes(world.blobs.get(row.blob))
    return len(chosen)
