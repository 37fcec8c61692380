"""The way of a decision, and of its undo: refused, or signed and sent to the case, until it is in the ledger."""

import asyncio
import hashlib
import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import TypeVar

import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from structlog.contextvars import bound_contextvars
from temporalio.client import Client, WorkflowUpdateFailedError, WorkflowUpdateRPCTimeoutOrCancelledError
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError

from activities import evidence
from activities.world import World
from contracts.cases import CaseSignal, CaseState
from contracts.decisions import (
    ACCEPTED,
    Correction,
    Decision,
    DecisionKind,
    DecisionReceipt,
    Evidence,
    Reviewer,
    Undo,
    unfit,
)
from contracts.errors import ApprovalError, ConfigurationError, FhirError, Refusal
from contracts.suggestions import Suggestion
from integrations import clock, traces
from integrations.ledger import cases, decisions
from service.worklist.forms import DecisionForm
from service.worklist.rows import Row
from workflows.case import Case

log = structlog.get_logger()
Signed = TypeVar("Signed", Decision, Undo)
UPDATE_TIMEOUT = timedelta(seconds=15)
REREAD_S = 3.0  # the most that a person waits for the chart to be read anew, where a version is another
LOOKS = 5  # at the ledger, a second apart, for a decision whose answer was lost


def decision_id(
    *,
    page_id: str,
    case_id: str,
    reviewer_id: str,
    kind: DecisionKind,
    selected: str | None,
    version: int,
    shown_hash: str,
    reason: str,
    corrections: Sequence[Correction],
) -> str:
    """Return the id of a decision: the same click again is the same decision, another answer is another.

    A form that was sent before an upgrade may be sent again after it, so the text that is hashed stays as it was in the
    first release, names of its keys included.
    """
    answer = {
        "version": version,
        "shown_hash": shown_hash,
        "reason": reason,
        "corrections": [{"key": correction.key, "text": correction.text} for correction in corrections],
    }
    named = {
        "page": page_id,
        "case": case_id,
        "kind": kind,
        "selected": selected,
        "reviewer": reviewer_id,
        "fields": answer,
    }
    return hashlib.sha256(json.dumps(named, sort_keys=True).encode()).hexdigest()[:32]


class Decisions:
    """Takes decisions and undos; every refusal is an ApprovalError."""

    def __init__(self, world: World, client: Client, signer: Ed25519PrivateKey, evidence_s: float = 0.5) -> None:
        """`evidence_s` is how long the look at a decision's evidence may take."""
        self._world, self._client, self._signer, self._evidence_s = world, client, signer, evidence_s

    async def decide(self, row: Row, form: DecisionForm, reviewer: Reviewer) -> DecisionReceipt:
        """Sign and send the decision; return when it is in the ledger. Raises ApprovalError."""
        if form.version == row.case.version:  # else what was shown is stale, and the workflow says so
            _refuse_unfit(row, form)
        selected = form.selected
        if form.kind == DecisionKind.APPROVE and row.suggestion:
            selected = row.suggestion.selected
        open_ = row.case.state == CaseState.OPEN  # else the ledger answers, who decided and when
        found = await self._evidence(row.case) if open_ else Evidence.UNCHECKED
        signed = self._signed(_decision(row, form, selected, reviewer, found))
        with bound_contextvars(case_id=row.case.case_id), traces.span("decide", row.case.case_id, kind=form.kind):
            try:
                receipt = await self._sent(signed)
            except ApprovalError as fault:
                log.info("decision_refused", kind=form.kind, reason=fault.kind)
                raise
            log.info("decision_taken", kind=form.kind)
            return receipt

    async def _evidence(self, case: cases.CaseRow) -> Evidence:
        """Look at the evidence in the chart once more. Raises ApprovalError (STALE) where its facts have changed."""
        found = await self._looked(evidence.look_at_versions, case, self._evidence_s) or Evidence.UNCHECKED
        if found == Evidence.CHANGED and await self._looked(evidence.look_at_facts, case, REREAD_S) == Evidence.CHECKED:
            found = Evidence.CHECKED
        if found != Evidence.CHANGED:
            return found
        log.info("decision_refused", case_id=case.case_id, reason=Refusal.STALE)
        with suppress(RPCError, RuntimeError):  # the watch over the feed finds it too, later
            handle = self._client.get_workflow_handle_for(Case.run, case.case_id)
            await handle.signal(Case.chart_changed, CaseSignal(event_ids=(), look=True))
        raise ApprovalError(Refusal.STALE)

    async def _looked(
        self, look: Callable[[World, cases.CaseRow], Evidence], case: cases.CaseRow, seconds: float
    ) -> Evidence | None:
        """Return what the look found, or None where it takes longer or fails."""
        try:
            async with asyncio.timeout(seconds):
                return await asyncio.to_thread(look, self._world, case)
        except TimeoutError:
            log.warning("evidence_unchecked", case_id=case.case_id, seconds=seconds)
        except (FhirError, ConfigurationError) as fault:
            log.warning("evidence_unchecked", case_id=case.case_id, **fault.log_fields())
        return None

    def _signed(self, unsigned: Signed) -> Signed:
        return unsigned.model_copy(update={"signature": self._signer.sign(unsigned.signed_bytes()).hex()})

    async def undo(self, row: Row, reviewer: Reviewer, decision_id: str) -> None:
        """Take back one's own decision; return when the ledger has the case open again. Raises ApprovalError."""
        if row.decision and row.decision.decision_id != decision_id:  # Temporal would answer for the one of then
            raise ApprovalError(Refusal.DECIDED, row.decision.reviewer.name)
        signed = self._signed(
            Undo(decision_id=decision_id, case_id=row.case.case_id, reviewer=reviewer, undone_at=clock.now())
        )
        with bound_contextvars(case_id=row.case.case_id), traces.span("undo", row.case.case_id):
            handle = self._client.get_workflow_handle_for(Case.run, signed.case_id)
            try:
                await handle.execute_update(
                    Case.undo, signed, id=f"undo-{signed.decision_id}", rpc_timeout=UPDATE_TIMEOUT
                )
            except WorkflowUpdateFailedError as fault:
                if refused := _refusal(fault):
                    log.info("undo_refused", reason=refused.kind)
                    raise refused from None
                await self._taken_back(signed)
            except (RPCError, RuntimeError, WorkflowUpdateRPCTimeoutOrCancelledError):
                await self._taken_back(signed)
            log.info("decision_taken_back")

    async def _taken_back(self, undo: Undo) -> None:
        """Return if the ledger has the undo whose answer was lost. Raises ApprovalError."""
        for _ in range(LOOKS):
            with self._world.records.db.read() as tx:
                if decisions.taken_back(tx, undo.decision_id):
                    return
                if decisions.write_begun(tx, undo.case_id):
                    raise ApprovalError(Refusal.TOO_LATE)
            await asyncio.sleep(1)
        raise ApprovalError(Refusal.UNCONFIRMED)

    async def _sent(self, signed: Decision) -> DecisionReceipt:
        with self._world.records.db.read() as tx:
            if decisions.taken_back(tx, signed.decision_id):  # Temporal would answer with the receipt of then
                raise ApprovalError(Refusal.UNDONE)
        handle = self._client.get_workflow_handle_for(Case.run, signed.case_id)
        try:
            return await handle.execute_update(Case.decide, signed, id=signed.decision_id, rpc_timeout=UPDATE_TIMEOUT)
        except WorkflowUpdateFailedError as fault:
            if refused := _refusal(fault):
                raise refused from None
            return await self._held(signed.case_id, signed.decision_id)
        except (RPCError, RuntimeError, WorkflowUpdateRPCTimeoutOrCancelledError):
            return await self._held(signed.case_id, signed.decision_id)

    async def _held(self, case_id: str, decision_id: str) -> DecisionReceipt:
        """Return the receipt of a decision whose answer was lost, if the ledger has it. Raises ApprovalError."""
        for _ in range(LOOKS):
            with self._world.records.db.read() as tx:
                receipt, case = decisions.receipt_of(tx, case_id), cases.find(tx, case_id)
            if receipt and receipt.decision_id == decision_id:
                return receipt
            if receipt:
                raise ApprovalError(Refusal.DECIDED, receipt.decided_by)
            if case is None or case.state != CaseState.OPEN:
                raise ApprovalError(Refusal.NOT_OPEN)
            await asyncio.sleep(1)
        raise ApprovalError(Refusal.UNCONFIRMED)


def _refusal(fault: WorkflowUpdateFailedError) -> ApprovalError | None:
    """Return the refusal that a case answered an Update with, or None for another failure."""
    cause = fault.cause
    if isinstance(cause, ApplicationError) and cause.type == ApprovalError.__name__:
        return ApprovalError(Refusal(cause.details[0]), cause.message)
    return None


def _decision(row: Row, form: DecisionForm, selected: str | None, reviewer: Reviewer, found: Evidence) -> Decision:
    """Return the decision to sign; `selected` is the code to write, `found` the result of the look at the evidence."""
    named = decision_id(
        page_id=form.page_id,
        case_id=row.case.case_id,
        reviewer_id=reviewer.reviewer_id,
        kind=form.kind,
        selected=selected,
        version=form.version,
        shown_hash=form.shown_hash,
        reason=form.reason,
        corrections=form.corrections,
    )
    return Decision(
        decision_id=named,
        case_id=row.case.case_id,
        version=form.version,
        shown_hash=form.shown_hash,
        kind=form.kind,
        selected=selected,
        reason=form.reason,
        reviewer=reviewer,
        decided_at=clock.now(),
        dwell_ms=believed(form.dwell_ms, row),
        corrections=form.corrections,
        evidence=found,
    )


def believed(dwell_ms: str, row: Row) -> int | None:
    """Return what the page measured, or None where it can't be: nobody looked at a version before it was there."""
    since = row.case.suggested_at
    if since is None or not dwell_ms.isascii() or not dwell_ms.isdigit():
        return None
    measured_ms = int(dwell_ms[:12])
    return measured_ms if timedelta(milliseconds=measured_ms) <= clock.now() - since else None


def _refuse_unfit(row: Row, form: DecisionForm) -> None:
    """Refuse what is no answer to the version shown. Raises ApprovalError."""
    if row.suggestion and (refused := _unfit(row.suggestion, form)):
        raise ApprovalError(refused)
    answered = {correction.key for correction in form.corrections}
    if row.view and form.kind in ACCEPTED and row.view.doubtful() - answered:
        raise ApprovalError(Refusal.DOUBT)
    if form.kind == DecisionKind.APPROVE and _is_empty(row, form.corrections):
        raise ApprovalError(Refusal.EMPTY)


def _unfit(shown: Suggestion, form: DecisionForm) -> Refusal | None:
    proposed = shown.selected if shown.approvable else None
    selected = form.selected
    if form.kind == DecisionKind.APPROVE:
        selected = selected or proposed  # the page sends none with it
    if form.kind == DecisionKind.CHOOSE and _below(shown, selected) and not form.reason:
        return Refusal.CHOICE
    codes = [choice.code for choice in shown.choices]
    return unfit(form.kind, selected, form.reason, proposed, codes, revises=shown.revises)


def _is_empty(row: Row, corrections: Sequence[Correction]) -> bool:
    """Return whether a note would be filed that says nothing."""
    typed = {correction.key: correction.text for correction in corrections}
    items = row.view.items if row.view else ()
    return bool(items) and not any(typed.get(item.key, item.text) for item in items)


def _below(suggestion: Suggestion, selected: str | None) -> bool:
    """Return whether a choice is less urgent than the rules demand; choices stand from the most to the least urgent."""
    codes = [choice.code for choice in suggestion.choices]
    known = selected in codes and suggestion.floor in codes
    return known and codes.index(selected or "") > codes.index(suggestion.floor or "")
