"""What waits, why, and the taking of a decision; everything is read from the ledger."""

import asyncio
import hashlib
import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, TypeVar

import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from structlog.contextvars import bound_contextvars
from temporalio.client import Client, WorkflowUpdateFailedError, WorkflowUpdateRPCTimeoutOrCancelledError
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError

from activities import evidence
from activities.world import World
from contracts.cases import CaseSignal, CaseState
from contracts.decisions import Correction, Decision, DecisionKind, DecisionReceipt, Evidence, Reviewer, Undo, unfit
from contracts.errors import ApprovalError, ConfigurationError, FhirError, Refusal, WardflowError
from contracts.suggestions import Suggestion
from contracts.views import Played, View
from integrations import clock, traces
from integrations.ledger import cases, decisions, inbox, stranded, switches
from integrations.ledger.audit import Action
from integrations.ledger.stranded import Stranded
from service.worklist import changes
from service.worklist.changes import Change, News, Seen
from workflows.case import Case

log = structlog.get_logger()
Signed = TypeVar("Signed", Decision, Undo)
RECENT = timedelta(minutes=10)
UPDATE_TIMEOUT = timedelta(seconds=15)
REREAD_S = 3.0  # the most that a person waits for the chart to be read anew, where a version is another
UNSEEN = timedelta(seconds=20)
AFTER = "~"  # sorts after every code that tells how soon someone must act
NEUTRAL = "#555555"  # where no choice is proposed
UNJUDGED = "2~"  # sorts after a floor of 1 or 2 and before 3: nobody has said how soon someone must act
LOOKS = 5  # at the ledger, a second apart, for a decision whose answer was lost


@dataclass(frozen=True)
class Row:
    """One case as a page shows it."""

    case: cases.CaseRow
    suggestion: Suggestion | None
    decision: Decision | None
    stale: bool
    headline: str
    colour: str
    view: View | None = None
    """Of the suggestion, if there is one."""
    undo_until: datetime | None = None
    """Until when its author may take the decision back; None without a decision whose write-back can wait."""
    evidence: Evidence | None = None
    """What the last look at a decision's evidence found."""

    @property
    def decidable(self) -> bool:
        return self.suggestion is not None and self.case.state == CaseState.OPEN and not self.stale

    @property
    def approvable(self) -> bool:
        """Whether one key approves it; else a person chooses, and nothing is proposed."""
        return self.suggestion is not None and self.suggestion.approvable

    @property
    def kinds(self) -> tuple[DecisionKind, ...]:
        """Kinds of decision that answer this suggestion."""
        if not self.decidable or self.suggestion is None:
            return ()
        if not self.approvable:
            return DecisionKind.CHOOSE, DecisionKind.REJECT
        others = (DecisionKind.CHANGE,) if len(self.suggestion.choices) > 1 else ()
        return DecisionKind.APPROVE, *others, DecisionKind.REJECT

    @property
    def codes(self) -> str:
        """Codes of the choices, as a person reads them: `1 to 5`."""
        codes = [choice.code for choice in self.suggestion.choices] if self.suggestion else []
        return f"{codes[0]} to {codes[-1]}" if len(codes) > 2 else " or ".join(codes)

    @property
    def outcome(self) -> str:
        """What was decided: `Level 3 approved`."""
        return changes.outcome(self.decision, self.suggestion, self.view.noun if self.view else "")

    @property
    def undoable(self) -> bool:
        """Whether the decision may still be taken back."""
        return self.undo_until is not None and clock.now() < self.undo_until

    def undoable_by(self, reviewer: Reviewer) -> bool:
        """Return whether that person may still take the decision back."""
        mine = self.decision is not None and self.decision.reviewer.reviewer_id == reviewer.reviewer_id
        return mine and self.undoable


class Worklist:
    """Reads rows and takes decisions; pages and the JSON API both call it."""

    def __init__(
        self,
        world: World,
        client: Client,
        signer: Ed25519PrivateKey,
        undo: timedelta = timedelta(),
        evidence_s: float = 0.5,
    ) -> None:
        """`undo` is how long a decision may be taken back, `evidence_s` how long the look at its evidence may take."""
        self._evidence_s = evidence_s
        self._world, self._client, self._signer, self._undo = world, client, signer, undo
        self._shown = lru_cache(2000)(self._read)  # of one version, which never changes

    def rows(self, reader: Reviewer) -> list[Row]:
        """Return the open cases, then those that ended in the last minutes; one audit record for the reading."""
        with self._world.db.read() as tx:
            listed, stale = cases.listed(tx, ended_after=clock.now() - RECENT), cases.stale(tx)
            ids = [case.case_id for case in listed if case.state != CaseState.OPEN]
            decided, begun = decisions.of_cases(tx, ids), decisions.writes_begun(tx, ids)
        rows = [
            self._row(case, case.case_id in stale, decided.get(case.case_id), begun.get(case.case_id))
            for case in listed
        ]
        with self._world.db.write() as tx:
            self._world.auditor.append(
                tx, Action.VIEW, "worklist", actor=f"person:{reader.reviewer_id}", detail=f"{len(rows)} cases"
            )
        return sorted(rows, key=_urgency)

    def stopped(self) -> dict[str, str]:
        """Return what people have stopped, and who."""
        with self._world.db.read() as tx:
            return switches.all_stopped(tx)

    def stranded(self) -> Stranded:
        """Return how many cases cannot be decided or written because their workflow does not run."""
        with self._world.db.read() as tx:
            return stranded.last(tx)

    def unseen_since(self) -> datetime | None:
        """Return since when a message waits to be looked at, if it has for longer than a moment."""
        with self._world.db.read() as tx:
            since = inbox.waiting_since(tx)
        return since if since and clock.now() - since > UNSEEN else None

    def row(self, case_id: str, reader: Reviewer) -> Row | None:
        """Return one case, audited as seen by that person."""
        row = self._look(case_id)
        if row:
            self._viewed(row, reader)
        return row

    def _look(self, case_id: str) -> Row | None:
        with self._world.db.read() as tx:
            case = cases.find(tx, case_id)
            if case is None:
                return None
            newest = inbox.newest_event(tx, case.encounter_id, case.case_id)
            decision = decisions.of_case(tx, case_id) if case.state != CaseState.OPEN else None
            begun = decisions.write_begun(tx, case_id)
        return self._row(case, newest > case.covers_event, decision, begun)

    def _viewed(self, row: Row, reader: Reviewer) -> None:
        with self._world.db.write() as tx:
            self._world.auditor.append(
                tx, Action.VIEW, f"suggestion {row.case.suggestion_hash}", actor=f"person:{reader.reviewer_id}",
                case_id=row.case.case_id, encounter_id=row.case.encounter_id,
            )  # fmt: skip

    def case(self, case_id: str) -> cases.CaseRow | None:
        """Return the case without what it shows, or None."""
        with self._world.db.read() as tx:
            return cases.find(tx, case_id)

    def recording(self, case_id: str, number: int, reader: Reviewer) -> Played | None:
        """Return one of the recordings that the case's page plays, audited as heard by that person, or None."""
        case = self.case(case_id)
        view = self._row(case, False, None).view if case else None
        if case is None or view is None or not 0 <= number < len(view.recordings):
            return None
        played = view.recordings[number]
        with self._world.db.write() as tx:
            self._world.auditor.append(
                tx, Action.VIEW, f"recording {played.blob[:16]}", actor=f"person:{reader.reviewer_id}",
                case_id=case_id, encounter_id=case.encounter_id,
            )  # fmt: skip
        return played

    def _row(self, case: cases.CaseRow, newer: bool, decision: Decision | None, begun: Evidence | None = None) -> Row:
        headline, colour, suggestion, view = "no suggestion yet: judge by hand", NEUTRAL, None, None
        if case.suggestion_blob:
            try:
                suggestion, headline, colour, view = self._shown(case.pathway, case.suggestion_blob)
            except (WardflowError, ValueError, LookupError) as fault:
                # one broken row, or one of a pathway that left the configuration, must not hide the others
                log.error("suggestion_unreadable", case_id=case.case_id, error=type(fault).__name__)
                headline = "the suggestion can't be read: judge by hand"
        stale = suggestion is not None and case.state == CaseState.OPEN and newer
        waits = decision is not None and case.state == CaseState.DECIDED and begun is None
        undo_until = decision.decided_at + self._undo if decision and waits else None
        found = begun or (decision.evidence if decision else None)
        return Row(case, suggestion, decision, stale, headline, colour, view, undo_until, found)

    def _read(self, pathway_name: str, blob: str) -> tuple[Suggestion, str, str, View]:
        suggestion, pathway = self._world.suggestion(blob), self._world.pathways[pathway_name]
        code = suggestion.selected if suggestion.approvable else None
        colour = pathway.colour(code) if code is not None else NEUTRAL
        return suggestion, pathway.headline(suggestion.facts), colour, pathway.view(suggestion)

    def changes(self, case_id: str, seen: Seen, reader: Reviewer) -> Change | None:
        """Return what is new since a page of the case was rendered, or None without such a case.

        Only an answer that shows something of the patient leaves an audit record: open pages ask every few seconds.
        """
        row = self._look(case_id)
        if row is None:
            return None
        before = self.version(row.case, seen.version) if row.case.version != seen.version else row.suggestion
        change = changes.since(seen, row.case, row.stale, row.decision, row.outcome, before, row.suggestion)
        if change.news in (News.CHANGED, News.ENDED):
            self._viewed(row, reader)
        return change

    def version(self, case: cases.CaseRow, version: int) -> Suggestion | None:
        """Return what an earlier version of the case showed, or None where it can't be read."""
        with self._world.db.read() as tx:
            blob = cases.suggestion_blob(tx, case.case_id, version)
        try:
            return self._world.suggestion(blob) if blob else None
        except (WardflowError, ValueError, LookupError) as fault:
            log.error("suggestion_unreadable", case_id=case.case_id, error=type(fault).__name__)
            return None

    async def decide(
        self, row: Row, kind: DecisionKind, reviewer: Reviewer, page_id: str, dwell_ms: str = "", **fields: Any
    ) -> DecisionReceipt:
        """Sign and send the decision; return when it is in the ledger. Raises ApprovalError."""
        selected, corrections = fields.pop("selected", None), fields.get("corrections", ())
        same = fields.get("version") == row.case.version  # else what was shown is stale, and the workflow says so
        if same:
            _refuse_unfit(row, kind, selected, fields.get("reason", ""))
        if kind == DecisionKind.APPROVE and row.suggestion:
            selected = row.suggestion.selected
        answered = {correction.key for correction in corrections}
        if row.view and same and kind != DecisionKind.REJECT and row.view.doubtful() - answered:
            raise ApprovalError(Refusal.DOUBT)
        if same and kind == DecisionKind.APPROVE and _is_empty(row, corrections):
            raise ApprovalError(Refusal.EMPTY)
        # The page's id and what was decided: the same click again is the same decision, another answer is another.
        named = {
            "page": page_id, "case": row.case.case_id, "kind": kind, "selected": selected,
            "reviewer": reviewer.reviewer_id, "fields": fields,
        }  # fmt: skip
        text = json.dumps(named, sort_keys=True, default=Correction.model_dump)
        decision_id = hashlib.sha256(text.encode()).hexdigest()[:32]
        open_ = row.case.state == CaseState.OPEN  # else the ledger answers, who decided and when
        found = await self._evidence(row.case) if open_ else Evidence.UNCHECKED
        signed = self._signed(Decision(
            decision_id=decision_id, case_id=row.case.case_id, kind=kind, reviewer=reviewer, decided_at=clock.now(),
            selected=selected, dwell_ms=believed(dwell_ms, row), evidence=found, **fields,
        ))  # fmt: skip
        with bound_contextvars(case_id=row.case.case_id), traces.span("decide", row.case.case_id, kind=kind):
            try:
                receipt = await self._sent(signed)
            except ApprovalError as fault:
                log.info("decision_refused", kind=kind, reason=fault.kind)
                raise
            log.info("decision_taken", kind=kind)
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
            with self._world.db.read() as tx:
                if decisions.taken_back(tx, undo.decision_id):
                    return
                if decisions.write_begun(tx, undo.case_id):
                    raise ApprovalError(Refusal.TOO_LATE)
            await asyncio.sleep(1)
        raise ApprovalError(Refusal.UNCONFIRMED)

    async def _sent(self, signed: Decision) -> DecisionReceipt:
        with self._world.db.read() as tx:
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
            with self._world.db.read() as tx:
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


def _is_empty(row: Row, corrections: Sequence[Correction]) -> bool:
    """Return whether a note would be filed that says nothing."""
    said = {correction.key: correction.text for correction in corrections}
    items = row.view.items if row.view else ()
    return bool(items) and not any(said.get(item.key, item.text) for item in items)


def believed(dwell_ms: str, row: Row) -> int | None:
    """Return what the page measured, or None where it can't be: nobody looked at a version before it was there."""
    since = row.case.suggested_at
    if since is None or not dwell_ms.isascii() or not dwell_ms.isdigit():
        return None
    told = int(dwell_ms[:12])
    return told if timedelta(milliseconds=told) <= clock.now() - since else None


def _refuse_unfit(row: Row, kind: DecisionKind, selected: str | None, reason: str) -> None:
    """Refuse what is no answer to the version shown. Raises ApprovalError."""
    shown = row.suggestion
    if shown is None:
        return
    proposed = shown.selected if shown.approvable else None
    if kind == DecisionKind.APPROVE:
        selected = selected or proposed  # the page sends none with it
    refused = unfit(kind, selected, reason, proposed, [choice.code for choice in shown.choices])
    if kind == DecisionKind.CHOOSE and _below(shown, selected) and not reason:
        refused = Refusal.CHOICE
    if refused:
        raise ApprovalError(refused)


def _below(suggestion: Suggestion, selected: str | None) -> bool:
    """Return whether a choice is less urgent than the rules demand; choices stand from the most to the least urgent."""
    codes = [choice.code for choice in suggestion.choices]
    known = selected in codes and suggestion.floor in codes
    return known and codes.index(selected or "") > codes.index(suggestion.floor or "")


def _urgency(row: Row) -> tuple[bool, bool, str, Any]:
    open_ = row.case.state == CaseState.OPEN
    return not open_, not (open_ and row.case.escalated_at), _level(row), row.case.due_at


def _level(row: Row) -> str:
    """Return the code that a row is sorted by: one that a model was never measured on sorts no one."""
    if row.view is not None and not row.view.ranked:
        return AFTER
    if row.suggestion is None:
        return ""
    proposed = row.suggestion.selected if row.approvable else row.suggestion.floor
    return proposed or UNJUDGED
