"""The index of the trajectories: one row for each case that ended."""

from collections.abc import Iterator
from datetime import datetime

import sqlalchemy as sa

from contracts.cases import CaseState
from contracts.frozen import Frozen
from integrations import clock
from integrations.ledger.tables import cases, trajectories


class TrajectoryRow(Frozen):
    """One trajectory, and the case that left it."""

    case_id: str
    pathway: str
    state: CaseState
    trainable: bool
    recorded_at: datetime
    blob: str


class KeptFile(Frozen):
    """Where the file of a case's trajectory lies; columns of `tables.trajectories`."""

    case_id: str
    blob: str
    trainable: bool


def keep(tx: sa.Connection, case_id: str, blob: str, *, trainable: bool) -> None:
    """Record the trajectory of a case, in place of an earlier one."""
    tx.execute(trajectories.delete().where(trajectories.c.case_id == case_id))
    row = {"case_id": case_id, "blob": blob, "trainable": trainable, "recorded_at": clock.now()}
    tx.execute(trajectories.insert().values(row))


def count(tx: sa.Connection) -> int:
    """Return how many trajectories were recorded."""
    return tx.scalar(sa.select(sa.func.count()).select_from(trajectories)) or 0


def listed(tx: sa.Connection, *, trainable_only: bool = False) -> list[TrajectoryRow]:
    """Return the index, the oldest first."""
    joined = cases.c.case_id == trajectories.c.case_id
    query = sa.select(trajectories, cases.c.pathway, cases.c.state).join(cases, joined)
    if trainable_only:
        query = query.where(trajectories.c.trainable)
    rows = tx.execute(query.order_by(trajectories.c.recorded_at)).mappings()
    return [TrajectoryRow.model_validate(dict(row)) for row in rows]


def files(tx: sa.Connection) -> Iterator[KeptFile]:
    """Yield the file of every trajectory, also of one whose case is missing."""
    columns = (trajectories.c.case_id, trajectories.c.blob, trajectories.c.trainable)
    for row in tx.execute(sa.select(*columns).execution_options(yield_per=100)).mappings():
        yield KeptFile.model_validate(dict(row))
