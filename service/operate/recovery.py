"""Brings back from the ledger what other stores lost, and the ledger itself from its backup."""

from datetime import datetime, timedelta
from pathlib import Path

from temporalio.client import WorkflowExecutionStatus

from activities.world import World
from contracts.errors import ConfigurationError, ConfigurationFault, LedgerError, LedgerFault
from contracts.frozen import Frozen
from integrations import clock
from integrations.blobs.store import BlobStore
from integrations.ledger import backup, cases, database, marks
from integrations.ledger.attestation import Kind, Row
from integrations.ledger.audit import Action
from integrations.ledger.records import Records
from service.process import settings
from service.process.case_starts import CaseStarts
from service.process.secrets import load_secrets
from workflows.case import Case

TEMPORAL_REBUILT, BACKED_UP = "temporal_rebuilt", "backed_up"
FAILS_AGAIN = 2
"""A workflow task that failed this often in a row will not go on: a killed worker costs one attempt."""
RESULT = timedelta(seconds=5)
KEYS = "keys.json is not in the backup: it belongs in the hospital's own safe, and nothing can be read without it"


class Rebuilt(Frozen):
    """What became of the cases that are not over: in Temporal, and in the live worklist."""

    running: int = 0
    """Left alone."""
    started: int = 0
    freed: int = 0
    """Their workflow ran and its task failed again and again: started anew instead."""
    ended_elsewhere: tuple[str, ...] = ()
    """Not over in the ledger, and completed in Temporal by a worker of ours: the ledger is older than what happened."""
    published: int = 0


def back_up(records: Records, folder: Path) -> backup.Manifest:
    """Take a backup, noted in the audit chain before any record leaves (I9)."""
    with records.db.write() as tx:
        records.auditor.append(tx, Action.BACKUP, "ledger and blobs")
    made = backup.take(records.db, records.blobs, folder)
    with records.db.write() as tx:
        marks.set_mark(tx, BACKED_UP, made.taken_at.isoformat())
    return made


def backed_up_at(tx: database.Transaction) -> datetime | None:
    """Return when the last complete backup was taken, or None."""
    found = marks.mark(tx, BACKED_UP)
    return datetime.fromisoformat(found) if found else None


def restore(folder: Path, state: Path) -> backup.Manifest:
    """Put a backup into a state folder that has its keys and no ledger. Raises ConfigurationError, LedgerError."""
    if not (state / "keys.json").exists():
        raise ConfigurationError(
            ConfigurationFault.NO_KEYS, f"put keys.json of that time into {state} first: a backup never holds it"
        )
    secrets = load_secrets(state)
    blobs = BlobStore.at(str(state / settings.BLOBS_FOLDER), secrets.keyring())
    return backup.restore(folder, state / settings.LEDGER_FILE, blobs, secrets.audit_bytes())


async def rebuild_temporal(starts: CaseStarts) -> Rebuilt:
    """Start each case that is not over and whose workflow does not go on, as the ledger has it; may be run again.

    It does not go on where it does not run, or where its task keeps failing: a case that a message has frozen, or that
    can't replay. What such a workflow had not yet done is done again by the one that takes its place (I2, I5).
    Where Temporal does not know a case at all, the ledger notes that Temporal was rebuilt, and since when.
    """
    world, moment = starts.world, clock.now()
    known: dict[str, set[WorkflowExecutionStatus | None]] = {}
    async for execution in starts.client.list_workflows("WorkflowType = 'case'"):
        known.setdefault(execution.id, set()).add(execution.status)
    with world.records.db.read() as tx:
        rows, unfinished, since = cases.listed(tx), cases.unfinished(tx), rebuilt_at(tx)
    unknown = [row for row in rows if row.case_id not in known and not lost_with_temporal(row, since)]
    if unknown:
        with world.records.db.write() as tx:
            marks.set_mark(tx, TEMPORAL_REBUILT, moment.isoformat())
            rows, detail = (Row(Kind.MARK, (TEMPORAL_REBUILT,)),), f"{len(unknown)} cases unknown to it"
            world.records.auditor.append(tx, Action.REBUILD, "Temporal", rows, detail=detail)
    waiting = [c for c in unfinished if WorkflowExecutionStatus.RUNNING not in known.get(c.case_id, ())]
    done = {c.case_id: await _again(starts, c.case_id) for c in waiting}
    freed = [c.case_id for c in unfinished if c not in waiting and await _free(starts, c.case_id)]
    return Rebuilt(
        running=len(unfinished) - len(waiting) - len(freed),
        started=sum(done.values()),
        freed=len(freed),
        ended_elsewhere=tuple(case_id for case_id, started in done.items() if not started),
    )


async def _again(starts: CaseStarts, case_id: str) -> bool:
    """Start a case anew; False where a worker of ours completed it, as its sealed result shows."""
    if await starts.again(case_id):
        return True
    try:
        await starts.client.get_workflow_handle_for(Case.run, case_id).result(follow_runs=False, rpc_timeout=RESULT)
    except (KeyError, RuntimeError, ValueError):  # what the converter raises for a result that is not sealed for it
        return await starts.again(case_id, completed=True)
    return False


async def _free(starts: CaseStarts, case_id: str) -> bool:
    """Start a case anew whose workflow task keeps failing; False where it goes on."""
    described = await starts.client.get_workflow_handle(case_id).describe()
    failed = described.raw_description.pending_workflow_task.attempt - 1
    if described.status != WorkflowExecutionStatus.RUNNING or failed < FAILS_AGAIN:
        return False
    world = starts.world
    with world.records.db.write() as tx:
        detail = f"its workflow task failed {failed} times"
        world.records.auditor.append(tx, Action.REBUILD, "workflow", case_id=case_id, detail=detail)
    return await starts.again(case_id, instead=True)


def rebuild_redis(world: World) -> int:
    """Publish every case that has not ended to the live stream; return how many. Raises LedgerError without Redis."""
    with world.records.db.read() as tx:
        live = [case for case in cases.listed(tx) if case.ended_at is None]
    if not all(world.live.publish(case.case_id) for case in live):
        raise LedgerError(LedgerFault.NOT_PUBLISHED, "Redis is away", retryable=True)
    return len(live)


def rebuilt_at(tx: database.Transaction) -> datetime | None:
    """Return when Temporal was last rebuilt, or None."""
    mark = marks.mark(tx, TEMPORAL_REBUILT)
    return datetime.fromisoformat(mark) if mark else None


def lost_with_temporal(case: cases.CaseRow, rebuilt: datetime | None) -> bool:
    """Return whether Temporal need not know this case: it ended before Temporal was lost."""
    return rebuilt is not None and case.ended_at is not None and case.ended_at < rebuilt
