"""Finds live cases of the ledger whose workflow does not run: nobody can decide them, and nothing writes them back."""

import asyncio
from datetime import timedelta

import structlog
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.service import RPCError, RPCStatusCode

from integrations.ledger import stranded_cases
from integrations.ledger.database import Database

log = structlog.get_logger()
LOOK_S = 15.0
YOUNG = timedelta(seconds=5)
"""A younger case may not have been started yet."""
CONFIRM_S = 2.0
"""A case may be starting, or ending, while it is looked at: it has to be without a workflow twice."""
RUNNING = "WorkflowType = 'case' AND ExecutionStatus = 'Running'"


async def find(db: Database, client: Client) -> set[str]:
    """Return their case ids. Raises RPCError or RuntimeError while Temporal is away, LedgerError."""
    first = await _look(db, client)
    if not first:
        return first
    await asyncio.sleep(CONFIRM_S)
    return {id_ for id_ in first & await _look(db, client) if not await _runs(client, id_)}


async def watch(db: Database, client: Client) -> float:
    """Look, and keep what was found for pages and figures; return the seconds until the next look."""
    try:
        found = await find(db, client)
    except (RPCError, RuntimeError):  # RuntimeError: a lazy client without Temporal
        return LOOK_S
    if await asyncio.to_thread(_keep, db, len(found)):
        log.warning("cases_without_workflow", count=len(found))
    return LOOK_S


async def _look(db: Database, client: Client) -> set[str]:
    # Visibility lags behind: what is missing in it is asked for by its id, and what has ended in it does no harm.
    running = {execution.id async for execution in client.list_workflows(RUNNING)}
    with db.read() as tx:
        return stranded_cases.live(tx, YOUNG) - running


async def _runs(client: Client, case_id: str) -> bool:
    try:
        status = (await client.get_workflow_handle(case_id).describe()).status
    except RPCError as fault:
        if fault.status != RPCStatusCode.NOT_FOUND:
            raise
        return False
    return status == WorkflowExecutionStatus.RUNNING


def _keep(db: Database, count: int) -> bool:
    with db.read() as tx:
        if stranded_cases.last(tx).count == count:
            return False
    with db.write() as tx:
        stranded_cases.note(tx, count)
    return True
