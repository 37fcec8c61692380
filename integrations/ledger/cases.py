"""Cases, their decisions, and what was written for them."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from contracts.cases import ENDED, UNDECIDED, CaseRef, CaseState, OpenRequest
from contracts.decisions import DecisionKind
from contracts.frozen import Frozen
from integrations import clock
from integrations.ledger import counters, inbox, tallies
from integrations.ledger.tables import (
    UtcTime,
    acknowledged,
    calls,
    cases,
    decisions,
    deliveries,
    evidence,
    runs,
    trajectories,
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


class RunRow(Frozen):
    """One version that was shown; columns of `tables.runs`."""

    case_id: str
    version: int
    snapshot_blob: str
    suggestion_blob: str
    shown_at: datetime


def _rows(result: sa.CursorResult[Any]) -> list[CaseRow]:
    return [CaseRow.model_validate(dict(row)) for row in result.mappings()]


def unnoticed_ids(tx: sa.Connection) -> set[str]:
    """Return the cases that ended undecided and stay listed until a person takes note of them (I17)."""
    return set(tx.scalars(sa.select(unnoticed())))


def find(tx: sa.Connection, case_id: str) -> CaseRow | None:
    """Return the case, or None."""
    return next(iter(_rows(tx.execute(cases.select().where(cases.c.case_id == case_id)))), None)


def latest(tx: sa.Connection, pathway: str, encounter_id: str) -> CaseRow | None:
    """Return the newest generation of that encounter's case, or None."""
    same = (cases.c.pathway == pathway, cases.c.encounter_id == encounter_id)
    rows = tx.execute(cases.select().where(*same).order_by(cases.c.generation.desc()).limit(1))
    return next(iter(_rows(rows)), None)


def of_stay(tx: sa.Connection, pathway: str, encounter_id: str) -> list[CaseRow]:
    """Return the generations of that encounter's case, the first one first."""
    same = (cases.c.pathway == pathway, cases.c.encounter_id == encounter_id)
    return _rows(tx.execute(cases.select().where(*same).order_by(cases.c.generation)))


def listed(tx: sa.Connection, ended_after: datetime | None = None) -> list[CaseRow]:
    """Return the cases, the first accepted first; with a moment, only those that had not ended by then, and those that
    ended undecided and that nobody took note of."""
    query = cases.select().order_by(cases.c.accepted_at)
    if ended_after:
        recent = cases.c.ended_at.is_(None) | (cases.c.ended_at > ended_after)
        query = query.where(recent | cases.c.case_id.in_(sa.select(unnoticed())))
    return _rows(tx.execute(query))


def unnoticed() -> sa.Subquery:
    """Return the query of the cases that ended undecided and that nobody took note of.

    Without those after which another case of their stay and pathway was opened, since what they showed is in that one
    where the chart still holds it; and without those whose stay ended while nothing demanded a look.
    """
    later = cases.alias("later")
    same = (later.c.pathway == cases.c.pathway, later.c.encounter_id == cases.c.encounter_id)
    after = sa.exists().where(*same, later.c.generation > cases.c.generation)
    noticed = cases.c.case_id.in_(sa.select(acknowledged.c.case_id))
    shown = (evidence.c.case_id == cases.c.case_id, evidence.c.version == cases.c.version)
    demanding = (cases.c.version == 0) | sa.exists().where(*shown, evidence.c.rule.is_not(None))
    undecided = cases.c.state.in_(UNDECIDED) & ((cases.c.state != CaseState.STAY_ENDED) | demanding)
    return sa.select(cases.c.case_id).where(undecided, ~noticed, ~after).subquery()


def unfinished(tx: sa.Connection) -> list[CaseRow]:
    """Return the cases whose process is not over: a trajectory is the last thing that one leaves."""
    return _rows(tx.execute(cases.select().where(cases.c.case_id.not_in(sa.select(trajectories.c.case_id)))))


def newest_version(tx: sa.Connection, case_id: str) -> int:
    """Return the newest version that was shown or that a model was asked for, 0 if none: its calls are its own."""
    shown, asked = (sa.select(sa.func.max(t.c.version)).where(t.c.case_id == case_id) for t in (cases, calls))
    return max(tx.scalar(shown) or 0, tx.scalar(asked) or 0)


def open_new(tx: sa.Connection, ref: CaseRef, limit: timedelta, accepted_at: datetime) -> CaseRow:
    """Open a case; its clock starts when its first event was accepted (I4)."""
    start = {"state": CaseState.OPEN, "escalation_step": 0, "version": 0, "covers_event": 0}
    clock = {"accepted_at": accepted_at, "due_at": accepted_at + limit}
    tx.execute(cases.insert().values(ref.model_dump() | start | clock))
    counters.count(tx, "cases_opened")
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


def runs_of(tx: sa.Connection, case_id: str) -> list[RunRow]:
    """Return the versions that a case showed, the first one first."""
    return _runs(tx.execute(runs.select().where(runs.c.case_id == case_id).order_by(runs.c.version)))


def all_runs(tx: sa.Connection) -> list[RunRow]:
    """Return the shown versions of all cases, the first version of each first."""
    return _runs(tx.execute(runs.select().order_by(runs.c.version)))


def _runs(result: sa.CursorResult[Any]) -> list[RunRow]:
    return [RunRow.model_validate(dict(row)) for row in result.mappings()]


def without_trajectory(tx: sa.Connection) -> list[str]:
    """Return the ended cases that left no trajectory."""
    ended = (cases.c.state.in_(ENDED), cases.c.case_id.not_in(sa.select(trajectories.c.case_id)))
    return list(tx.scalars(sa.select(cases.c.case_id).where(*ended)))


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


def stale(tx: sa.Connection) -> set[str]:
    """Return the open cases with an event that is newer than what they have seen: none can be approved (I6)."""
    queries = inbox.newest_events(cases.c.encounter_id, cases.c.case_id)
    newer = (query.correlate(cases).scalar_subquery() > cases.c.covers_event for query in queries)
    return set(tx.scalars(sa.select(cases.c.case_id).where(cases.c.state == CaseState.OPEN, sa.or_(*newer))))


def end(tx: sa.Connection, case_id: str, state: CaseState) -> None:
    """End a decided case as its decision says; an ended case stays as it is."""
    decided = (cases.c.case_id == case_id, cases.c.state == CaseState.DECIDED)
    tx.execute(cases.update().where(*decided).values(state=state, ended_at=clock.now()))


def close_undecided(tx: sa.Connection, case_id: str, state: CaseState = CaseState.CLOSED_UNDECIDED) -> bool:
    """End an open case that nobody decided, in one of `UNDECIDED`; False if it is not open any more, or was told of
    what its shown version has not seen."""
    case = find(tx, case_id)
    told = tx.scalar(sa.select(sa.func.max(deliveries.c.event_id)).where(deliveries.c.case_id == case_id)) or 0
    if case is not None and case.version and told > case.covers_event:
        return False
    still_open = (cases.c.case_id == case_id, cases.c.state == CaseState.OPEN)
    closed = tx.execute(cases.update().where(*still_open).values(state=state, ended_at=clock.now()))
    return closed.rowcount == 1


def continued(tx: sa.Connection, case_id: str) -> bool:
    """Go on after a decision was taken back: the case is open again, unless news has opened a later one of its stay.

    That one asks, or asked, for all of it again; where it is open, no later than this one would have. Then this one has
    ended, and True is returned.
    """
    case = find(tx, case_id)
    assert case is not None
    later = latest(tx, case.pathway, case.encounter_id)
    if later is None or later.case_id == case_id:
        tx.execute(cases.update().where(cases.c.case_id == case_id).values(state=CaseState.OPEN))
        return False
    ended = {"state": CaseState.CONTINUED, "ended_at": clock.now()}
    tx.execute(cases.update().where(cases.c.case_id == case_id).values(ended))
    open_ = (cases.c.case_id == later.case_id, cases.c.state == CaseState.OPEN)
    sooner = (*open_, cases.c.due_at > case.due_at)
    tx.execute(cases.update().where(*sooner).values(accepted_at=case.accepted_at, due_at=case.due_at))
    return True


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


def balance(tx: sa.Connection) -> dict[str, int]:
    """Return `opened` as counted at opening, each state, and how many are unaccounted for (I1)."""
    states = {str(state): 0 for state in CaseState}
    states |= {
        row.state: row.n
        for row in tx.execute(sa.select(cases.c.state, sa.func.count().label("n")).group_by(cases.c.state))
    }
    opened = counters.counted(tx, "cases_opened")
    return {"opened": opened, **states, "unaccounted": opened - sum(states.values())}


def outcome_state(kind: DecisionKind) -> CaseState:
    """Return the state in which a case of that decision ends; what was kept or withdrawn stands in the chart so."""
    return CaseState.REJECTED if kind == DecisionKind.REJECT else CaseState.WRITTEN
