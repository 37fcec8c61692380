"""Recomputes both identities of I1 and every case from ledger, Temporal and FHIR server, and believes none alone."""

import asyncio
from collections.abc import Iterator
from datetime import datetime

import sqlalchemy as sa
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.service import RPCError, RPCStatusCode

from activities.world import World
from contracts.cases import ENDED, CaseOutcome, CaseState
from contracts.charts import TAG
from contracts.decisions import Decision
from contracts.events import Fate
from contracts.frozen import Frozen
from integrations.fhir.client import Resource
from integrations.fhir.proposals import content_hash, decided_in, own_meta, resource_id
from integrations.ledger import audit, cases, inbox, tables
from service import recovery, watch
from workflows.case import Case

TASK_STATUS = {
    CaseState.OPEN: "requested",
    CaseState.WRITTEN: "completed",
    CaseState.REJECTED: "rejected",
    CaseState.CLOSED_UNDECIDED: "cancelled",
}


class Report(Frozen):
    """`clean` is what an exit code of 0 stands for."""

    events: dict[str, int]
    cases: dict[str, int]
    findings: tuple[str, ...]

    @property
    def clean(self) -> bool:
        return not self.findings and not self.unaccounted

    @property
    def unaccounted(self) -> int:
        return self.events["unaccounted"] + self.cases["unaccounted"]


async def check(world: World, client: Client) -> Report:
    """Return what doesn't agree, one line each. Raises FhirError, LedgerError or RPCError where a part is away."""
    with world.db.read() as tx:  # one view: both identities hold in it
        events, balance = inbox.balance(tx), cases.balance(tx)
        rows, rebuilt_at = cases.listed(tx), recovery.rebuilt_at(tx)
        findings = [*_identities(events, balance), *_orphans(tx), *_untraced(tx)]
        findings += audit.verify(tx, world.auditor.key, _anchors(world, tx))
    findings += await _temporal(client, rows, rebuilt_at)
    findings += await asyncio.to_thread(lambda: list(_chart(world, rows)))
    return Report(events=events, cases=balance, findings=tuple(findings))


def _identities(events: dict[str, int], balance: dict[str, int]) -> Iterator[str]:
    for name, counted in (("events", events), ("cases", balance)):
        if counted["unaccounted"]:
            yield f"{name}: {counted['unaccounted']} unaccounted for"


def _orphans(tx: sa.Connection) -> Iterator[str]:
    known = sa.select(tables.cases.c.case_id)
    absorbed = (tables.inbox.c.fate == Fate.ABSORBED, tables.inbox.c.case_id.not_in(known))
    for event_id, case_id in tx.execute(sa.select(tables.inbox.c.event_id, tables.inbox.c.case_id).where(*absorbed)):
        yield f"event {event_id} was given to case {str(case_id)[:12]}, which is not in the ledger"


def _untraced(tx: sa.Connection) -> Iterator[str]:
    kept = sa.select(tables.trajectories.c.case_id)
    ended = (tables.cases.c.state.in_(ENDED), tables.cases.c.case_id.not_in(kept))
    for case_id in tx.scalars(sa.select(tables.cases.c.case_id).where(*ended)):
        yield f"case {case_id[:12]} ended without a trajectory"


def _anchors(world: World, tx: sa.Connection) -> dict[str, tuple[int, str]]:
    """Return the newest record of each chain that the FHIR server has, with the hash that it was given there."""
    exported = int(tables.mark(tx, watch.EXPORTED) or 0)
    heads = sa.select(tables.audit.c.chain, sa.func.max(tables.audit.c.position)).where(tables.audit.c.seq <= exported)
    anchors: dict[str, tuple[int, str]] = {}
    for chain, position in tx.execute(heads.group_by(tables.audit.c.chain)):
        event = world.fhir.read("AuditEvent", f"wardflow-{chain}-{position}")
        given = (e["what"].get("identifier", {}) for e in event["entity"])
        anchors[chain] = (position, next(i["value"] for i in given if i.get("system") == f"{TAG}:audit-hash"))
    return anchors


async def _temporal(client: Client, rows: list[cases.CaseRow], rebuilt_at: datetime | None) -> list[str]:
    findings: list[str] = []
    for row in rows:
        handle = client.get_workflow_handle_for(Case.run, row.case_id)
        try:
            status = (await handle.describe()).status
        except RPCError as fault:
            if fault.status != RPCStatusCode.NOT_FOUND:
                raise
            if not recovery.lost_with_temporal(row, rebuilt_at):
                findings.append(f"case {row.case_id[:12]} is {row.state} in the ledger and unknown to Temporal")
            continue
        running = status == WorkflowExecutionStatus.RUNNING
        if row.state in ENDED and not running:
            if status != WorkflowExecutionStatus.COMPLETED:
                findings.append(f"case {row.case_id[:12]} is {row.state} in the ledger, its workflow {status}")
                continue
            outcome: CaseOutcome = await handle.result()
            if outcome.state != row.state:
                findings.append(f"case {row.case_id[:12]} is {row.state} in the ledger, {outcome.state} in Temporal")
        elif row.state not in ENDED and not running:
            findings.append(f"case {row.case_id[:12]} is {row.state} in the ledger, and its workflow has ended")
    known = {row.case_id for row in rows}
    async for execution in client.list_workflows("WorkflowType = 'case'"):
        if execution.id not in known:
            findings.append(f"workflow {execution.id[:12]} has no case in the ledger")
    return findings


def _chart(world: World, rows: list[cases.CaseRow]) -> Iterator[str]:
    """Compare every Task and result in the chart with the decision that it must equal (I2)."""
    with world.db.read() as tx:
        written = set(tx.scalars(sa.select(tables.own_writes.c.resource_type).distinct())) - {"Provenance"}
    marked = [r for type_ in sorted({"Task", *written}) for r in world.fhir.search(f"{type_}?identifier={TAG}|")]
    of_case: dict[str, dict[str, Resource]] = {row.case_id: {} for row in rows}
    for resource in marked:
        case_id = next(i["value"] for i in resource["identifier"] if i.get("system") == TAG)
        if case_id in of_case:
            of_case[case_id][resource["id"]] = resource
        else:
            yield f"{_name(resource)} is in the chart, and its case is not in the ledger"
    for row in rows:
        yield from _case_in_chart(world, row, of_case[row.case_id])


def _case_in_chart(world: World, row: cases.CaseRow, found: dict[str, Resource]) -> Iterator[str]:
    name, task = f"case {row.case_id[:12]}", found.pop(resource_id(row.ref, "task"), None)
    if row.version and (task is None or task["status"] != TASK_STATUS.get(row.state, task["status"])):
        yield f"{name} is {row.state}, its Task is {task['status'] if task else 'missing'}"
    with world.db.read() as tx:
        decision = cases.decision_of(tx, row.case_id)
    if row.state in (CaseState.WRITTEN, CaseState.REJECTED):
        if decision is None:
            yield f"{name} is {row.state} without a decision"
        elif task and decided_in(task) != decision.decision_id:
            yield f"{name}: its Task does not carry its decision"
    for wanted in _wanted(world, row, decision):
        there = found.pop(wanted["id"], None)
        if there is None and row.state == CaseState.WRITTEN:
            yield f"{name} is {row.state}, and its result is missing from the chart"
        if there and row.state not in (CaseState.WRITTEN, CaseState.DECIDED):
            yield f"{name} is {row.state}, and its result is in the chart"
        if there and content_hash(wanted) != content_hash(there):
            yield f"{name}: what is in the chart is not what was decided"
    for resource in found.values():
        yield f"{_name(resource)} carries our mark, and we never wrote it"
    if row.state == CaseState.WRITTEN and world.fhir.find("Provenance", resource_id(row.ref, "provenance")) is None:
        yield f"{name} has a result without Provenance"


def _wanted(world: World, row: cases.CaseRow, decision: Decision | None) -> list[Resource]:
    """Return what the decision of a case writes beside its Task."""
    if decision is None or decision.selected is None or row.suggestion_blob is None:
        return []
    suggestion = world.suggestion(row.suggestion_blob)
    id_, meta = resource_id(row.ref, "result"), own_meta(ai=False)
    return world.pathways[row.pathway].results(suggestion, decision, id_, meta)


def _name(resource: Resource) -> str:
    return f"{resource['resourceType']}/{resource['id']}"
