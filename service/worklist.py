"""What waits, why, and the taking of a decision; everything is read from the ledger."""

import asyncio
import hashlib
import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from structlog.contextvars import bound_contextvars
from temporalio.client import Client, WorkflowUpdateFailedError, WorkflowUpdateRPCTimeoutOrCancelledError
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError

from activities.world import World
from contracts.cases import CaseState
from contracts.decisions import Correction, Decision, DecisionKind, DecisionReceipt, Reviewer
from contracts.errors import ApprovalError, Refusal, WardflowError
from contracts.suggestions import Suggestion
from contracts.views import Played, View
from integrations import traces
from integrations.ledger import cases, inbox, switches, tables
from integrations.ledger.audit import Action
from workflows.case import Case

log = structlog.get_logger()
RECENT = timedelta(minutes=10)
UPDATE_TIMEOUT = timedelta(seconds=15)
UNSEEN = timedelta(seconds=20)
AFTER = "~"  # sorts after every code that tells how soon someone must act
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

    @property
    def decidable(self) -> bool:
        return self.suggestion is not None and self.case.state == CaseState.OPEN and not self.stale


class Worklist:
    """Reads rows and takes decisions; pages and the JSON API both call it."""

    def __init__(self, world: World, client: Client, signer: Ed25519PrivateKey) -> None:
        self._world, self._client, self._signer = world, client, signer
        self._shown = lru_cache(2000)(self._read)  # of one version, which never changes

    def rows(self, reader: Reviewer) -> list[Row]:
        """Return the open cases, then those that ended in the last minutes; one audit record for the reading."""
        with self._world.db.read() as tx:
            listed, stale = cases.listed(tx, ended_after=tables.now() - RECENT), cases.stale(tx)
            decisions = cases.decisions_of(tx, [case.case_id for case in listed if case.state != CaseState.OPEN])
        rows = [self._row(case, case.case_id in stale, decisions.get(case.case_id)) for case in listed]
        with self._world.db.write() as tx:
            self._world.auditor.append(
                tx, Action.VIEW, "worklist", actor=f"person:{reader.reviewer_id}", detail=f"{len(rows)} cases"
            )
        return sorted(rows, key=_urgency)

    def stopped(self) -> dict[str, str]:
        """Return what people have stopped, and who."""
        with self._world.db.read() as tx:
            return switches.all_stopped(tx)

    def unseen_since(self) -> datetime | None:
        """Return since when a message waits to be looked at, if it has for longer than a moment."""
        with self._world.db.read() as tx:
            since = inbox.waiting_since(tx)
        return since if since and tables.now() - since > UNSEEN else None

    def row(self, case_id: str, reader: Reviewer) -> Row | None:
        """Return one case, audited as seen by that person."""
        with self._world.db.read() as tx:
            case = cases.find(tx, case_id)
            if case is None:
                return None
            newest = inbox.newest_event(tx, case.encounter_id, case.case_id)
            decision = cases.decision_of(tx, case_id) if case.state != CaseState.OPEN else None
        row = self._row(case, newest > case.covers_event, decision)
        with self._world.db.write() as tx:
            self._world.auditor.append(
                tx, Action.VIEW, f"suggestion {row.case.suggestion_hash}", actor=f"person:{reader.reviewer_id}",
                case_id=case_id, encounter_id=row.case.encounter_id,
            )  # fmt: skip
        return row

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

    def _row(self, case: cases.CaseRow, newer: bool, decision: Decision | None) -> Row:
        headline, colour, suggestion, view = "no suggestion yet: judge by hand", "#555555", None, None
        if case.suggestion_blob:
            try:
                suggestion, headline, colour, view = self._shown(case.pathway, case.suggestion_blob)
            except (WardflowError, ValueError, LookupError) as fault:
                # one broken row, or one of a pathway that left the configuration, must not hide the others
                log.error("suggestion_unreadable", case_id=case.case_id, error=type(fault).__name__)
                headline = "the suggestion can't be read: judge by hand"
        stale = suggestion is not None and case.state == CaseState.OPEN and newer
        return Row(case, suggestion, decision, stale, headline, colour, view)

    def _read(self, pathway_name: str, blob: str) -> tuple[Suggestion, str, str, View]:
        suggestion, pathway = self._world.suggestion(blob), self._world.pathways[pathway_name]
        headline, colour = pathway.headline(suggestion.facts), pathway.colour(suggestion.selected)
        return suggestion, headline, colour, pathway.view(suggestion)

    async def decide(
        self, row: Row, kind: DecisionKind, reviewer: Reviewer, page_id: str, dwell_ms: str = "", **fields: Any
    ) -> DecisionReceipt:
        """Sign and send the decision; return when it is in the ledger. Raises ApprovalError."""
        selected, corrections = fields.pop("selected", None), fields.get("corrections", ())
        if kind == DecisionKind.APPROVE and row.suggestion:
            selected = row.suggestion.selected
        elif kind == DecisionKind.REJECT:
            selected = None
        answered = {correction.key for correction in corrections}
        same = fields.get("version") == row.case.version  # else what was shown is stale, and it is told so
        if row.view and same and kind != DecisionKind.REJECT and row.view.doubtful() - answered:
            raise ApprovalError(Refusal.DOUBT)
        # The page's id and what was decided: the same click again is the same decision, another answer is another.
        said = (page_id, row.case.case_id, kind, selected, *fields.values(), reviewer.reviewer_id)
        decision_id = hashlib.sha256(json.dumps(said, default=Correction.model_dump).encode()).hexdigest()[:32]
        unsigned = Decision(
            decision_id=decision_id, case_id=row.case.case_id, kind=kind, reviewer=reviewer, decided_at=tables.now(),
            selected=selected, dwell_ms=believed(dwell_ms, row), **fields,
        )  # fmt: skip
        signature = self._signer.sign(unsigned.signed_bytes()).hex()
        signed = unsigned.model_copy(update={"signature": signature})
        with bound_contextvars(case_id=row.case.case_id), traces.span("decide", row.case.case_id, kind=kind):
            try:
                receipt = await self._sent(signed)
            except ApprovalError as fault:
                log.info("decision_refused", kind=kind, reason=fault.kind)
                raise
            log.info("decision_taken", kind=kind)
            return receipt

    async def _sent(self, signed: Decision) -> DecisionReceipt:
        handle = self._client.get_workflow_handle_for(Case.run, signed.case_id)
        try:
            return await handle.execute_update(Case.decide, signed, id=signed.decision_id, rpc_timeout=UPDATE_TIMEOUT)
        except WorkflowUpdateFailedError as fault:
            cause = fault.cause
            if isinstance(cause, ApplicationError) and cause.type == ApprovalError.__name__:
                raise ApprovalError(Refusal(cause.details[0]), cause.message) from None
            return await self._held(signed.case_id, signed.decision_id)
        except (RPCError, RuntimeError, WorkflowUpdateRPCTimeoutOrCancelledError):
            return await self._held(signed.case_id, signed.decision_id)

    async def _held(self, case_id: str, decision_id: str) -> DecisionReceipt:
        """Return the receipt of a decision whose answer was lost, if the ledger has it. Raises ApprovalError."""
        for _ in range(LOOKS):
            with self._world.db.read() as tx:
                held, case = cases.decision_of(tx, case_id), cases.find(tx, case_id)
            if held and held.decision_id == decision_id:
                return DecisionReceipt(
                    decision_id=decision_id,
                    case_id=case_id,
                    kind=held.kind,
                    selected=held.selected,
                    decided_by=held.reviewer.name,
                )
            if held:
                raise ApprovalError(Refusal.DECIDED, held.reviewer.name)
            if case is None or case.state != CaseState.OPEN:
                raise ApprovalError(Refusal.NOT_OPEN)
            await asyncio.sleep(1)
        raise ApprovalError(Refusal.UNCONFIRMED)


def believed(dwell_ms: str, row: Row) -> int | None:
    """Return what the page measured, or None where it can't be: nobody looked at a version before it was there."""
    since = row.case.suggested_at
    if since is None or not dwell_ms.isascii() or not dwell_ms.isdigit():
        return None
    told = int(dwell_ms[:12])
    return told if timedelta(milliseconds=told) <= tables.now() - since else None


def _urgency(row: Row) -> tuple[bool, bool, str, Any]:
    open_ = row.case.state == CaseState.OPEN
    unranked = row.view is not None and not row.view.ranked
    level = AFTER if unranked else row.suggestion.selected if row.suggestion else ""
    return not open_, not (open_ and row.case.escalated_at), level, row.case.due_at
