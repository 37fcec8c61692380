"""Recomputes both identities of I1 and every case from ledger, Temporal and FHIR server, and believes none alone."""

import asyncio
import time
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path

from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.service import RPCError, RPCStatusCode

from activities.world import World
from contracts.cases import ENDED, CaseOutcome, CaseState
from contracts.charts import TAG
from contracts.decisions import WITHDRAWING, Decision, DecisionKind
from contracts.frozen import Frozen
from integrations.fhir.client import Resource
from integrations.fhir.proposals import HASH, content_hash, decided_in, own_meta, resource_id, withdrawn
from integrations.ledger import attestation, audit, cases, decisions, inbox, own_writes
from service.gateway import anchors
from service.operate import attention, ledger_checks, recovery
from service.operate.attention import Accounted
from service.operate.ledger_checks import Contradiction
from workflows.case import Case

TASK_STATUS = {
    CaseState.OPEN: "requested",
    CaseState.WRITTEN: "completed",
    CaseState.REJECTED: "rejected",
    CaseState.CLOSED_UNDECIDED: "cancelled",
    CaseState.STAY_ENDED: "cancelled",
    CaseState.CONTINUED: "cancelled",
}


AGAIN_S = (2.0, 5.0, 10.0)
"""Between two looks at what nobody answers for; together longer than a search for what a feed missed takes to come."""


class Report(Frozen):
    """`clean` is what an exit code of 0 stands for."""

    events: dict[str, int]
    cases: dict[str, int]
    attention: dict[str, int] = {}
    """items = decided + repeat + open + undecided + unaccounted (`service.operate.attention`)."""
    findings: tuple[str, ...]
    contradictions: tuple[Contradiction, ...] = ()
    """Decisions whose reason contradicts their kind: for a person to look at, and no disagreement of the records."""
    unattested_events: int = 0
    """Events that wait, or were settled since the last round of attestation: their rows are not vouched for yet."""

    @property
    def clean(self) -> bool:
        return not self.findings and not self.unaccounted

    @property
    def unaccounted(self) -> int:
        return sum(counted.get("unaccounted", 0) for counted in (self.events, self.cases, self.attention))


async def check(world: World, client: Client, verify_key: str, heads: Sequence[tuple[Path, str]] = ()) -> Report:
    """Return what doesn't agree, one line each. Raises FhirError, LedgerError or RPCError where a part is away.

    `verify_key` is the hex public key of decisions; `heads` names files of signed heads, each with its public key.
    """
    report, rows, rebuilt_at = await asyncio.to_thread(_ledger, world, verify_key, heads)
    disagreeing = await _temporal(client, rows, rebuilt_at)
    disagreeing += await asyncio.to_thread(lambda: list(_chart(world, rows)))
    accounted = await asyncio.to_thread(_attention, world)
    findings = (*report.findings, *disagreeing, *accounted.findings)
    return report.model_copy(update={"findings": findings, "attention": accounted.items})


def _attention(world: World) -> Accounted:
    """Account again where something is missing: what a feed has not told yet is on its way, or found by a search."""
    found = attention.account(world)
    for wait_s in AGAIN_S:
        if not found.findings:
            break
        time.sleep(wait_s)
        found = attention.account(world)
    return found


def _ledger(
    world: World, verify_key: str, heads: Sequence[tuple[Path, str]]
) -> tuple[Report, list[cases.CaseRow], datetime | None]:
    """Check the ledger against itself and its anchors; return also its cases, and when Temporal was rebuilt."""
    with world.records.db.read() as tx:  # first: the export goes on meanwhile
        exported = audit.exported_to(tx)
    known = [("the FHIR server", anchors.in_chart(world.fhir, anchors.ends_of(world.records.db)))]  # before the view
    known += [(path.name, anchors.in_file(path, key)) for path, key in heads]
    with world.records.db.read() as tx:  # one view: both identities hold in it
        events, balance = inbox.balance(tx), cases.balance(tx)
        found = [*_identities(events, balance), *ledger_checks.findings(world.records, tx, verify_key, known, exported)]
        report = Report(
            events=events,
            cases=balance,
            findings=tuple(found),
            contradictions=tuple(ledger_checks.contradictions(world.records, tx)),
            unattested_events=attestation.unattested(tx),
        )
        return report, cases.listed(tx), recovery.rebuilt_at(tx)


def _identities(events: dict[str, int], balance: dict[str, int]) -> Iterator[str]:
    for name, counted in (("events", events), ("cases", balance)):
        if counted["unaccounted"]:
            yield f"{name}: {counted['unaccounted']} unaccounted for"


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
            try:
                outcome: CaseOutcome = await handle.result()
            except (KeyError, RuntimeError, ValueError):
                findings.append(f"case {row.case_id[:12]}: the result of its workflow is not sealed for it")
                continue
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
    with world.records.db.read() as tx:
        written = own_writes.types(tx) - {"Provenance"}
    marked = [r for type_ in sorted({"Task", *written}) for r in world.fhir.search(f"{type_}?identifier={TAG}|")]
    of_case: dict[str, dict[str, Resource]] = {row.case_id: {} for row in rows}
    for resource in marked:
        case_id = next(i["value"] for i in resource["identifier"] if i.get("system") == TAG)
        if case_id in of_case:
            of_case[case_id][resource["id"]] = resource
        else:
            yield f"{_name(resource)} is in the chart, and its case is not in the ledger"
    withdrawals = _withdrawals(world, rows)
    for row in rows:
        yield from _case_in_chart(world, row, of_case[row.case_id], withdrawals.get(row.case_id))


def _withdrawals(world: World, rows: list[cases.CaseRow]) -> dict[str, tuple[Decision, CaseState]]:
    """Return the newest decision that withdraws what each case wrote, and how the case of that decision stands."""
    with world.records.db.read() as tx:
        decided = decisions.of_cases(tx, [row.case_id for row in rows if row.generation > 1])
    found: dict[str, tuple[Decision, CaseState]] = {}
    for row in sorted(rows, key=lambda row: row.generation):
        decision = decided.get(row.case_id)
        if decision and decision.kind in WITHDRAWING and row.suggestion_blob:
            earlier = world.records.suggestion(row.suggestion_blob).earlier
            found |= dict.fromkeys(earlier.in_question if earlier else (), (decision, row.state))
    return found


def _case_in_chart(
    world: World, row: cases.CaseRow, found: dict[str, Resource], withdrawal: tuple[Decision, CaseState] | None
) -> Iterator[str]:
    name, task = f"case {row.case_id[:12]}", found.pop(resource_id(row.ref, "task"), None)
    if row.version and (task is None or task["status"] != TASK_STATUS.get(row.state, task["status"])):
        yield f"{name} is {row.state}, its Task is {task['status'] if task else 'missing'}"
    with world.records.db.read() as tx:
        decision = decisions.of_case(tx, row.case_id)
    if row.state in (CaseState.WRITTEN, CaseState.REJECTED):
        if decision is None:
            yield f"{name} is {row.state} without a decision"
        elif task and decided_in(task) != decision.decision_id:
            yield f"{name}: its Task does not carry its decision"
    yield from _foreign(world, row, task)
    for wanted in _wanted(world, row, decision):
        there = found.pop(wanted["id"], None)
        if there is None and row.state == CaseState.WRITTEN:
            yield f"{name} is {row.state}, and its result is missing from the chart"
        if there and row.state not in (CaseState.WRITTEN, CaseState.DECIDED):
            yield f"{name} is {row.state}, and its result is in the chart"
        if there and _strays(world, row, there):
            yield f"{name}: its result is of another patient or encounter"
        if there and not _as_decided(wanted, there, withdrawal):
            yield f"{name}: what is in the chart is not what was decided"
    for resource in found.values():
        yield f"{_name(resource)} carries our mark, and we never wrote it"
    bare = decision is not None and decision.kind == DecisionKind.KEEP
    if row.state == CaseState.WRITTEN and not bare and _unproven(world, row):
        yield f"{name} has a result without Provenance"


def _unproven(world: World, row: cases.CaseRow) -> bool:
    return world.fhir.find("Provenance", resource_id(row.ref, "provenance")) is None


def _as_decided(wanted: Resource, there: Resource, withdrawal: tuple[Decision, CaseState] | None) -> bool:
    """Return whether a result is as its decision has it, or withdrawn by a later one; while that is written, either."""
    decision, state = withdrawal or (None, CaseState.DECIDED)
    stood = content_hash(there) == content_hash(wanted)
    if decision is None:
        return stood
    gone = content_hash(there) == content_hash(withdrawn(wanted | {"meta": own_meta(ai=False)}, decision))
    return gone or (stood and state == CaseState.DECIDED)


def _foreign(world: World, row: cases.CaseRow, task: Resource | None) -> Iterator[str]:
    """Compare whom the Task is for with the suggestion that it proposes, and with the case (I21)."""
    if task is None or row.suggestion_blob is None:
        return
    suggestion, name = world.records.suggestion(row.suggestion_blob), f"case {row.case_id[:12]}"
    if (_reference(task, "encounter"), _reference(task, "for") or "") != (_encounter(row), suggestion.facts.patient):
        yield f"{name}: its Task is of another patient or encounter"
    proposed = (i.get("value") for i in task["identifier"] if i.get("system") == HASH)
    if row.suggestion_hash not in proposed:
        yield f"{name}: its Task proposes another suggestion"


def _strays(world: World, row: cases.CaseRow, result: Resource) -> bool:
    """Return whether what a result names as its patient or encounter is not the case's."""
    patient = world.records.suggestion(row.suggestion_blob).facts.patient if row.suggestion_blob else None
    context = (result.get("context") or {}).get("encounter") or ()
    encounters = {_reference(result, "encounter"), *(named.get("reference") for named in context)} - {None}
    return not encounters <= {_encounter(row)} or _reference(result, "subject") not in (None, patient)


def _encounter(row: cases.CaseRow) -> str:
    return f"Encounter/{row.encounter_id}"


def _reference(resource: Resource, name: str) -> str | None:
    return (resource.get(name) or {}).get("reference")


def _wanted(world: World, row: cases.CaseRow, decision: Decision | None) -> list[Resource]:
    """Return what the decision of a case writes beside its Task."""
    if decision is None or decision.selected is None or row.suggestion_blob is None:
        return []
    suggestion = world.records.suggestion(row.suggestion_blob)
    id_, meta = resource_id(row.ref, "result"), own_meta(ai=False)
    return world.pathways[row.pathway].results(suggestion, decision, id_, meta)


def _name(resource: Resource) -> str:
    return f"{resource['resourceType']}/{resource['id']}"
