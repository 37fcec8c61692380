"""Cases, their decisions, and what was written for them."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from contracts.cases import CaseRef, CaseState, OpenRequest
from contracts.decisions import Decision, DecisionKind, DecisionReceipt, Evidence, Undo
from contracts.errors import ApprovalError, LedgerError, Refusal
from contracts.frozen import Frozen
from integrations import clock
from integrations.ledger import inbox, tallies
from integrations.ledger.tables import (
    UtcTime,
    calls,
    cases,
    decisions,
    own_writes,
    runs,
    told,
    trajectories,
    undone,
    write_backs,
)


class CaseRow(Frozen):
    """One case as the ledger has it; columns of `tables.cases`."""

    case_id: str
    pathway: str
    encounter_id: str
    generation: int
    state: CaseState
    accepted_at: datetime
    due_at: datetime
    escalated_at: datetime | None
    escalation_step: int
    version: int
    covers_event: int
    suggestion_blob: str | None
    suggestion_hash: str | None
    snapshot_blob: str | None
    task_version: str | None
    suggested_at: datetime | None
    ended_at: datetime | None

    @property
    def ref(self) -> CaseRef:
        return CaseRef(
            case_id=self.case_id, pathway=self.pathway, encounter_id=self.encounter_id, generation=self.generation
        )


def _rows(result: sa.CursorResult[Any]) -> list[CaseRow]:
    return [CaseRow.model_validate(dict(row)) for row in result.mappings()]


def find(tx: sa.Connection, case_id: str) -> CaseRow | None:
    """Return the case, or None."""
    return next(iter(_rows(tx.execute(cases.select().where(cases.c.case_id == case_id)))), None)


def latest(tx: sa.Connection, pathway: str, encounter_id: str) -> CaseRow | None:
    """Return the newest generation of that encounter's case, or None."""
    same = (cases.c.pathway == pathway, cases.c.encounter_id == encounter_id)
    rows = tx.execute(cases.select().where(*same).order_by(cases.c.generation.desc()).limit(1))
    return next(iter(_rows(rows)), None)


def decided_of_stay(tx: sa.Connection, pathway: str, encounter_id: str) -> list[CaseRow]:
    """Return the generations of that encounter's case on whose suggestion somebody decided, the first one first."""
    same = (cases.c.pathway == pathway, cases.c.encounter_id == encounter_id)
    decided = cases.c.case_id.in_(sa.select(decisions.c.case_id))
    return _rows(tx.execute(cases.select().where(*same, decided).order_by(cases.c.generation)))


def listed(tx: sa.Connection, ended_after: datetime | None = None) -> list[CaseRow]:
    """Return the cases, the first accepted first; with a moment, only those that had not ended by then."""
    query = cases.select().order_by(cases.c.accepted_at)
    if ended_after:
        query = query.where(cases.c.ended_at.is_(None) | (cases.c.ended_at > ended_after))
    return _rows(tx.execute(query))


def unfinished(tx: sa.Connection) -> list[CaseRow]:
    """Return the cases whose process is not over: a trajectory is the last thing that one leaves."""
    return _rows(tx.execute(cases.select().where(cases.c.case_id.not_in(sa.select(trajectories.c.case_id)))))


def told_events(tx: sa.Connection, case_id: str) -> list[int]:
    """Return the events that a case was told of."""
    return list(tx.scalars(sa.select(told.c.event_id).where(told.c.case_id == case_id).order_by(told.c.event_id)))


def newest_version(tx: sa.Connection, case_id: str) -> int:
    """Return the newest version that was shown or that a model was asked for, 0 if none: its calls are its own."""
    shown, asked = (sa.select(sa.func.max(t.c.version)).where(t.c.case_id == case_id) for t in (cases, calls))
    return max(tx.scalar(shown) or 0, tx.scalar(asked) or 0)


def open_new(tx: sa.Connection, ref: CaseRef, limit: timedelta, accepted_at: datetime) -> CaseRow:
    """Open a case; its clock starts when its first event was accepted (I4)."""
    start = {"state": CaseState.OPEN, "escalation_step": 0, "version": 0, "covers_event": 0}
    clock = {"accepted_at": accepted_at, "due_at": accepted_at + limit}
    tx.execute(cases.insert().values(ref.model_dump() | start | clock))
    inbox.count(tx, "cases_opened")
    row = find(tx, ref.case_id)
    assert row is not None
    return row


def may_show(tx: sa.Connection, request: OpenRequest) -> bool:
    """Return whether this version may still be shown: a late attempt must not undo what came after it."""
    case = find(tx, request.ref.case_id)
    return case is not None and case.state == CaseState.OPEN and case.version <= request.version


def show_version(tx: sa.Connection, request: OpenRequest, task_version: str) -> None:
    """Make this version the one that people decide on, unless a later one is, or the case is decided."""
    case = find(tx, request.ref.case_id)
    if case is None or not may_show(tx, request):
        return
    tx.execute(
        cases.update()
        .where(cases.c.case_id == case.case_id)
        .values(
            version=request.version,
            covers_event=max(case.covers_event, request.covers_event),
            suggestion_blob=request.result.suggestion_blob,
            suggestion_hash=request.result.suggestion_hash,
            snapshot_blob=request.snapshot.snapshot_blob,
            task_version=task_version,
            suggested_at=clock.now(),
        )
    )
    if case.version < request.version:
        tx.execute(
            runs.insert().values(
                case_id=case.case_id,
                version=request.version,
                snapshot_blob=request.snapshot.snapshot_blob,
                suggestion_blob=request.result.suggestion_blob,
                shown_at=clock.now(),
            )
        )
        waited = inbox.waited_since(tx, case.encounter_id, case.covers_event, request.covers_event)
        lag = clock.now() - waited if waited else None
        tallies.suggested(tx, request.result.made_by, request.result.fallback, lag)


def suggestion_blob(tx: sa.Connection, case_id: str, version: int) -> str | None:
    """Return where the suggestion of that version lies, or None if the case never showed it."""
    return tx.scalar(sa.select(runs.c.suggestion_blob).where(runs.c.case_id == case_id, runs.c.version == version))


def cover(tx: sa.Connection, case_id: str, version: int, event_id: int) -> None:
    """Note that the shown version has seen events up to this one."""
    older = cases.c.covers_event < event_id
    tx.execute(
        cases.update()
        .where(cases.c.case_id == case_id, cases.c.version == version, older)
        .values(covers_event=event_id)
    )


def decide(tx: sa.Connection, decision: Decision) -> bool:
    """Record the decision in this transaction; False if this very decision is there already.

    Raises ApprovalError when someone else decided, this very decision was taken back, the case has ended, or an
    accepted event of the encounter is newer than what the suggestion has seen (I5, I6); LedgerError, to be tried
    again, while nobody knows yet whether what another pathway wrote is news to this one.
    """
    earlier = decision_of(tx, decision.case_id)
    if earlier and earlier.decision_id == decision.decision_id:
        return False
    if earlier:
        raise ApprovalError(Refusal.DECIDED, earlier.reviewer.name)
    if taken_back(tx, decision.decision_id):  # a late attempt must not record it again
        raise ApprovalError(Refusal.UNDONE)
    case = find(tx, decision.case_id)
    if case is None or case.state != CaseState.OPEN:
        raise ApprovalError(Refusal.NOT_OPEN)
    stale = (
        case.version != decision.version
        or case.suggestion_hash != decision.shown_hash
        or inbox.newest_event(tx, case.encounter_id, case.case_id, settled=True) > case.covers_event
    )
    if stale:
        raise ApprovalError(Refusal.STALE)
    if inbox.newest_event(tx, case.encounter_id, case.case_id) > case.covers_event:
        raise LedgerError("unsettled", "an own write is being looked at", retryable=True)
    tx.execute(
        decisions.insert().values(
            decision_id=decision.decision_id,
            case_id=decision.case_id,
            kind=decision.kind,
            selected=decision.selected,
            reviewer=decision.reviewer.reviewer_id,
            document=decision.model_dump_json(),
            recorded_at=clock.now(),
        )
    )
    tx.execute(cases.update().where(cases.c.case_id == decision.case_id).values(state=CaseState.DECIDED))
    tallies.decided(tx, decision.kind)
    return True


def undo(tx: sa.Connection, asked: Undo) -> bool:
    """Take a decision back: its case is open again, with its old deadline; False if this one was taken back before.

    The decision and the undo are kept. Raises ApprovalError where another decision holds (DECIDED), the decision is
    another person's (NOT_YOURS), or its write-back has begun (TOO_LATE).
    """
    _lock(tx, asked.case_id)
    if taken_back(tx, asked.decision_id):
        return False
    row = tx.execute(decisions.select().where(decisions.c.case_id == asked.case_id)).mappings().first()
    if row is None:
        raise ApprovalError(Refusal.NOT_OPEN)
    decision, case = Decision.model_validate_json(row["document"]), find(tx, asked.case_id)
    if decision.decision_id != asked.decision_id:
        raise ApprovalError(Refusal.DECIDED, decision.reviewer.name)
    if decision.reviewer.reviewer_id != asked.reviewer.reviewer_id:
        raise ApprovalError(Refusal.NOT_YOURS, decision.reviewer.name)
    if case is None or case.state != CaseState.DECIDED or write_begun(tx, asked.case_id):
        raise ApprovalError(Refusal.TOO_LATE)
    tx.execute(
        undone.insert().values(
            decision_id=asked.decision_id,
            case_id=asked.case_id,
            document=row["document"],
            undo=asked.model_dump_json(),
            recorded_at=row["recorded_at"],
            undone_at=clock.now(),
        )
    )
    tx.execute(decisions.delete().where(decisions.c.case_id == asked.case_id))
    tx.execute(cases.update().where(cases.c.case_id == asked.case_id).values(state=CaseState.OPEN))
    return True


def _lock(tx: sa.Connection, case_id: str) -> None:
    """Let an undo and a write-back follow each other where there are several writers (PostgreSQL)."""
    tx.execute(sa.select(cases.c.case_id).where(cases.c.case_id == case_id).with_for_update()).first()


def taken_back(tx: sa.Connection, decision_id: str) -> bool:
    """Return whether that decision was taken back."""
    return tx.scalar(sa.select(undone.c.decision_id).where(undone.c.decision_id == decision_id)) is not None


def begin_write(tx: sa.Connection, case_id: str, evidence: Evidence) -> Decision | None:
    """Begin the write-back of a case's decision and return it; from now on it can't be taken back.

    None where there is no decision (any more). The first beginning stands, with what its look at the evidence found.
    """
    _lock(tx, case_id)
    decision = decision_of(tx, case_id)
    if decision and not write_begun(tx, case_id):
        tx.execute(
            write_backs.insert().values(
                case_id=case_id, decision_id=decision.decision_id, evidence=evidence, begun_at=clock.now()
            )
        )
    return decision


def write_begun(tx: sa.Connection, case_id: str) -> Evidence | None:
    """Return what was known of the evidence when the write-back began, or None before it has."""
    found = tx.scalar(sa.select(write_backs.c.evidence).where(write_backs.c.case_id == case_id))
    return Evidence(found) if found else None


def writes_begun(tx: sa.Connection, case_ids: Sequence[str]) -> dict[str, Evidence]:
    """Return what was known of the evidence when the write-back of each of these cases began, if it has."""
    begun = sa.select(write_backs.c.case_id, write_backs.c.evidence).where(write_backs.c.case_id.in_(case_ids))
    return {row.case_id: Evidence(row.evidence) for row in tx.execute(begun)}


def receipt_of(tx: sa.Connection, case_id: str) -> DecisionReceipt | None:
    """Return the receipt of the decision that the ledger has of a case, or None."""
    row = tx.execute(decisions.select().where(decisions.c.case_id == case_id)).first()
    if row is None:
        return None
    decision = Decision.model_validate_json(row.document)
    return DecisionReceipt(
        decision_id=decision.decision_id,
        case_id=decision.case_id,
        kind=decision.kind,
        selected=decision.selected,
        decided_by=decision.reviewer.name,
        reviewer_id=decision.reviewer.reviewer_id,
        recorded_at=row.recorded_at,
    )


def decision_of(tx: sa.Connection, case_id: str) -> Decision | None:
    """Return the decision of a case, or None."""
    document = tx.scalar(sa.select(decisions.c.document).where(decisions.c.case_id == case_id))
    return Decision.model_validate_json(document) if document else None


def decisions_of(tx: sa.Connection, case_ids: Sequence[str]) -> dict[str, Decision]:
    """Return the decisions of those cases that have one."""
    rows = tx.execute(sa.select(decisions.c.case_id, decisions.c.document).where(decisions.c.case_id.in_(case_ids)))
    return {row.case_id: Decision.model_validate_json(row.document) for row in rows}


def stale(tx: sa.Connection) -> set[str]:
    """Return the open cases with an event that is newer than what they have seen: none can be approved (I6)."""
    queries = inbox.newest_events(cases.c.encounter_id, cases.c.case_id)
    newer = (query.correlate(cases).scalar_subquery() > cases.c.covers_event for query in queries)
    return set(tx.scalars(sa.select(cases.c.case_id).where(cases.c.state == CaseState.OPEN, sa.or_(*newer))))


def end(tx: sa.Connection, case_id: str, state: CaseState) -> None:
    """End a decided case as its decision says; an ended case stays as it is."""
    decided = (cases.c.case_id == case_id, cases.c.state == CaseState.DECIDED)
    tx.execute(cases.update().where(*decided).values(state=state, ended_at=clock.now()))


def close_undecided(tx: sa.Connection, case_id: str) -> bool:
    """End an open case that nobody decided; False if it is not open any more."""
    still_open = (cases.c.case_id == case_id, cases.c.state == CaseState.OPEN)
    closed = tx.execute(
        cases.update().where(*still_open).values(state=CaseState.CLOSED_UNDECIDED, ended_at=clock.now())
    )
    return closed.rowcount == 1


def escalate(tx: sa.Connection, case_id: str, step: int) -> bool:
    """Flag an open case as escalated to this step; False if it was already, or is decided."""
    changed = tx.execute(
        cases.update()
        .where(cases.c.case_id == case_id, cases.c.state == CaseState.OPEN, cases.c.escalation_step < step)
        .values(
            escalation_step=step, escalated_at=sa.func.coalesce(cases.c.escalated_at, sa.literal(clock.now(), UtcTime))
        )
    )
    return changed.rowcount == 1


def unwritten(tx: sa.Connection, since: datetime) -> Sequence[CaseRow]:
    """Return the cases decided before that moment whose decision is not in the chart yet (I5)."""
    old = sa.select(decisions.c.case_id).where(decisions.c.recorded_at < since)
    return _rows(tx.execute(cases.select().where(cases.c.state == CaseState.DECIDED, cases.c.case_id.in_(old))))


def overdue(tx: sa.Connection) -> Sequence[CaseRow]:
    """Return the open cases past their deadline that nobody has escalated (I4)."""
    late = (cases.c.state == CaseState.OPEN, cases.c.due_at < clock.now(), cases.c.escalation_step == 0)
    return _rows(tx.execute(cases.select().where(*late)))


def intend_write(tx: sa.Connection, case_id: str, resource_type: str, resource_id: str, content_hash: str) -> bool:
    """Note a write before it is made, so that its notification can't overtake our knowledge of it (I15).

    Returns whether an earlier try was noted and never finished: then the chart must be read before writing again.
    """
    return _keep_write(tx, case_id, resource_type, resource_id, "", content_hash)


def intended_write(tx: sa.Connection, resource_type: str, resource_id: str) -> str | None:
    """Return the content hash of a write that was intended and never noted as done, or None."""
    return tx.scalar(sa.select(own_writes.c.content_hash).where(*_written(resource_type, resource_id, "")))


def wrote(
    tx: sa.Connection, case_id: str, resource_type: str, resource_id: str, version_id: str, content_hash: str
) -> bool:
    """Note the version that the server gave to our write; False if it was noted before."""
    tx.execute(own_writes.delete().where(*_written(resource_type, resource_id, "")))
    return not _keep_write(tx, case_id, resource_type, resource_id, version_id, content_hash)


def _keep_write(tx: sa.Connection, case_id: str, type_: str, id_: str, version_id: str, content_hash: str) -> bool:
    there = tx.execute(own_writes.delete().where(*_written(type_, id_, version_id))).rowcount
    tx.execute(
        own_writes.insert().values(
            resource_type=type_, resource_id=id_, version_id=version_id, case_id=case_id, content_hash=content_hash
        )
    )
    return bool(there)


def _written(type_: str, id_: str, version_id: str) -> tuple[sa.ColumnElement[bool], ...]:
    columns = own_writes.c
    return columns.resource_type == type_, columns.resource_id == id_, columns.version_id == version_id


def writer(tx: sa.Connection, resource_type: str, resource_id: str, version_id: str) -> str | None:
    """Return the pathway that wrote this version, or None where none of ours did."""
    found = tx.execute(
        sa.select(cases.c.pathway)
        .select_from(own_writes.outerjoin(cases, cases.c.case_id == own_writes.c.case_id))
        .where(*_written(resource_type, resource_id, version_id))
    ).first()
    return (found.pathway or "") if found else None


def own_versions(tx: sa.Connection, resource_type: str, resource_id: str) -> set[str]:
    """Return the versions that we wrote; an empty one stands for a write under way."""
    return set(
        tx.scalars(
            sa.select(own_writes.c.version_id).where(
                own_writes.c.resource_type == resource_type, own_writes.c.resource_id == resource_id
            )
        )
    )


def balance(tx: sa.Connection) -> dict[str, int]:
    """Return `opened` as counted at opening, each state, and how many are unaccounted for (I1)."""
    states = {str(state): 0 for state in CaseState}
    states |= {
        row.state: row.n
        for row in tx.execute(sa.select(cases.c.state, sa.func.count().label("n")).group_by(cases.c.state))
    }
    opened = inbox.counted(tx, "cases_opened")
    return {"opened": opened, **states, "unaccounted": opened - sum(states.values())}


def outcome_state(kind: DecisionKind) -> CaseState:
    """Return the state in which a case of that decision ends."""
    return CaseState.REJECTED if kind == DecisionKind.REJECT else CaseState.WRITTEN
