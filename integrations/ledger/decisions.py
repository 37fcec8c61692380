"""What people decided: recorded once, taken back until its write-back begins."""

from collections.abc import Iterator, Sequence

import sqlalchemy as sa

from contracts.cases import CaseState
from contracts.decisions import Decision, DecisionReceipt, Evidence, Undo
from contracts.errors import ApprovalError, LedgerError, LedgerFault, Refusal
from contracts.frozen import Frozen
from integrations import clock
from integrations.ledger import cases, inbox, tables, tallies
from integrations.ledger.tables import decisions, undone, write_backs


class DecisionRow(Frozen):
    """A decision as its columns say, and the signed document; columns of `tables.decisions`."""

    decision_id: str
    case_id: str
    kind: str
    selected: str | None
    reviewer: str
    document: str


class UndoneRow(Frozen):
    """A decision that was taken back, and the signed undo; columns of `tables.undone`."""

    decision_id: str
    case_id: str
    document: str
    undo: str


class BegunRow(Frozen):
    """A write-back that began, and the decision that its case has now."""

    case_id: str
    begun_for: str
    decision_id: str | None


def decide(tx: sa.Connection, decision: Decision) -> bool:
    """Record the decision in this transaction; False if this very decision is there already.

    Raises ApprovalError when someone else decided, this very decision was taken back, the case has ended, or an
    accepted event of the encounter is newer than what the suggestion has seen (I5, I6); LedgerError, to be tried
    again, while nobody knows yet whether what another pathway wrote is news to this one.
    """
    earlier = of_case(tx, decision.case_id)
    if earlier and earlier.decision_id == decision.decision_id:
        return False
    if earlier:
        raise ApprovalError(Refusal.DECIDED, earlier.reviewer.name)
    if taken_back(tx, decision.decision_id):  # a late attempt must not record it again
        raise ApprovalError(Refusal.UNDONE)
    case = cases.find(tx, decision.case_id)
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
        raise LedgerError(LedgerFault.UNSETTLED, "an own write is being looked at", retryable=True)
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
    tx.execute(tables.cases.update().where(tables.cases.c.case_id == decision.case_id).values(state=CaseState.DECIDED))
    tallies.decided(tx, decision.kind)
    return True


def undo(tx: sa.Connection, asked: Undo) -> bool:
    """Take a decision back: its case is open again, with its old deadline, or has ended where a later one of its stay
    is open already (`cases.continued`); False if this one was taken back before.

    The decision and the undo are kept. Raises ApprovalError where another decision holds (DECIDED), the decision is
    another person's (NOT_YOURS), or its write-back has begun or a later case of the stay was decided (TOO_LATE).
    """
    _lock(tx, asked.case_id)
    if taken_back(tx, asked.decision_id):
        return False
    row = tx.execute(decisions.select().where(decisions.c.case_id == asked.case_id)).mappings().first()
    if row is None:
        raise ApprovalError(Refusal.NOT_OPEN)
    decision, case = Decision.model_validate_json(row["document"]), cases.find(tx, asked.case_id)
    if decision.decision_id != asked.decision_id:
        raise ApprovalError(Refusal.DECIDED, decision.reviewer.name)
    if decision.reviewer.reviewer_id != asked.reviewer.reviewer_id:
        raise ApprovalError(Refusal.NOT_YOURS, decision.reviewer.name)
    if case is None or case.state != CaseState.DECIDED or write_begun(tx, asked.case_id):
        raise ApprovalError(Refusal.TOO_LATE)
    later = cases.latest(tx, case.pathway, case.encounter_id)
    if later and later.case_id != case.case_id and later.state != CaseState.OPEN:
        raise ApprovalError(Refusal.TOO_LATE)  # somebody has decided since, knowing of this decision
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
    if cases.continued(tx, asked.case_id):
        inbox.tell_again(tx, case.encounter_id, "undo")  # what the later case tells of this decision is not so
    return True


def _lock(tx: sa.Connection, case_id: str) -> None:
    """Let an undo and a write-back follow each other where there are several writers (PostgreSQL)."""
    tx.execute(sa.select(tables.cases.c.case_id).where(tables.cases.c.case_id == case_id).with_for_update()).first()


def taken_back(tx: sa.Connection, decision_id: str) -> bool:
    """Return whether that decision was taken back."""
    return tx.scalar(sa.select(undone.c.decision_id).where(undone.c.decision_id == decision_id)) is not None


def begin_write(tx: sa.Connection, case_id: str, evidence: Evidence) -> Decision | None:
    """Begin the write-back of a case's decision and return it; from now on it can't be taken back.

    None where there is no decision (any more). The first beginning stands, with what its look at the evidence found.
    """
    _lock(tx, case_id)
    decision = of_case(tx, case_id)
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


def of_case(tx: sa.Connection, case_id: str) -> Decision | None:
    """Return the decision of a case, or None."""
    document = tx.scalar(sa.select(decisions.c.document).where(decisions.c.case_id == case_id))
    return Decision.model_validate_json(document) if document else None


def of_cases(tx: sa.Connection, case_ids: Sequence[str]) -> dict[str, Decision]:
    """Return the decisions of those cases that have one."""
    rows = tx.execute(sa.select(decisions.c.case_id, decisions.c.document).where(decisions.c.case_id.in_(case_ids)))
    return {row.case_id: Decision.model_validate_json(row.document) for row in rows}


def rows(tx: sa.Connection) -> Iterator[DecisionRow]:
    """Yield every decision, the first recorded first, its cells as they are: one written over must not stop a check."""
    columns = [decisions.c[name] for name in DecisionRow.model_fields]
    query = sa.select(*columns).order_by(decisions.c.recorded_at).execution_options(yield_per=500)
    for row in tx.execute(query).mappings():
        yield DecisionRow.model_construct(**row)


def kinds(tx: sa.Connection) -> dict[str, str]:
    """Return the kind of each case's decision."""
    return {row.case_id: row.kind for row in tx.execute(sa.select(decisions.c.case_id, decisions.c.kind))}


def undone_rows(tx: sa.Connection) -> list[UndoneRow]:
    """Return the decisions that were taken back."""
    columns = [undone.c[name] for name in UndoneRow.model_fields]
    return [UndoneRow.model_validate(dict(row)) for row in tx.execute(sa.select(*columns)).mappings()]


def begun_rows(tx: sa.Connection) -> list[BegunRow]:
    """Return for each write-back that began which decision it began for, and which one the case has."""
    joined = write_backs.outerjoin(decisions, decisions.c.case_id == write_backs.c.case_id)
    columns = (write_backs.c.case_id, write_backs.c.decision_id.label("begun_for"), decisions.c.decision_id)
    rows = tx.execute(sa.select(*columns).select_from(joined)).mappings()
    return [BegunRow.model_validate(dict(row)) for row in rows]
