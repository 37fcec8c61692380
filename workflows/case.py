"""The clinical process of one case, for every pathway: suggest, wait for a person, write, remember."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from temporalio import workflow
from temporalio.common import VersioningBehavior
from temporalio.exceptions import ActivityError, ApplicationError

from activities.close_undecided import CloseCase, CloseWithStay
from activities.escalate_case import EscalateCase
from activities.open_case import CoverEvents, OpenCase
from activities.record_decision import RecordDecision, UndoDecision
from activities.record_trajectory import RecordTrajectory
from activities.run_agent import RunAgent
from activities.snapshot_chart import SnapshotChart
from activities.write_back import WriteBack
from contracts.cases import (
    AgentRequest,
    AgentResult,
    CaseInput,
    CaseOutcome,
    CaseRef,
    CaseSignal,
    CaseState,
    CoverRequest,
    DecisionRequest,
    EscalationRequest,
    OpenRequest,
    SnapshotRequest,
    UndoRequest,
)
from contracts.decisions import Decision, DecisionReceipt, Undo, unfit
from contracts.errors import ApprovalError, Refusal
from workflows import policies


class _EndStep(Protocol):
    def __call__(self, ref: CaseRef, /) -> CaseOutcome: ...


@dataclass
class CaseProgress:
    """All that a case knows beside what it was started with."""

    version: int
    """The newest of the suggestion, shown or being made."""
    receipt: DecisionReceipt | None
    """Of the decision, which its author may still take back until it is final."""
    closed: bool
    """The ledger had a decision or an end when the case was started anew: nobody decides any more."""
    covered: set[int] = field(default_factory=set)
    """Ids of the events that the newest version has seen."""
    uncovered: set[int] = field(default_factory=set)
    """Ids of the events that were delivered since."""
    looks_wanted: int = 0
    """How often the chart was to be read again whatever the events."""
    looks_done: int = 0
    """How many of these the newest version has followed."""
    shown: OpenRequest | None = None
    """What a person may decide on; None until this run of the workflow has shown something."""
    stay_over: bool = False
    """The stay was over before anybody decided."""
    ladder_ended: bool = False
    """Nobody decided until the end of the escalation ladder."""
    final: bool = False
    """The answer can't be taken back any more."""
    escalation: "asyncio.Task[None] | None" = None
    """Climbs the ladder. Kept, since asyncio forgets a task that nobody holds."""

    def answered(self) -> bool:
        """Return whether nobody is waited for."""
        return self.receipt is not None or self.ladder_ended or self.closed or self.stay_over

    def has_news(self) -> bool:
        """Return whether the chart may have changed since the newest version."""
        return bool(self.uncovered) or self.looks_wanted > self.looks_done

    def deliver(self, signal: CaseSignal) -> None:
        """Take the events of a window; those that are covered change nothing."""
        self.uncovered |= set(signal.event_ids) - self.covered
        self.looks_wanted += signal.look

    def cover(self, events: set[int], looks: int) -> None:
        """Note that the newest version has seen these events, and this many looks."""
        self.covered |= events
        self.uncovered -= events
        self.looks_done = looks

    def uncover(self, events: set[int], looks: int, shown: OpenRequest | None) -> None:
        """Go back to what was before these events, since no suggestion came of them."""
        self.shown = shown
        self.uncovered |= events
        self.covered -= events
        self.looks_done = looks

    def reopen(self) -> None:
        """Wait for a decision again."""
        self.receipt, self.closed, self.ladder_ended, self.final = None, False, False, False
        self.stay_over = False


@workflow.defn(name="case", versioning_behavior=VersioningBehavior.PINNED)
class Case:
    """One open case for each encounter and pathway (I3). History holds references and hashes only."""

    @workflow.init
    def __init__(self, case: CaseInput) -> None:
        self.case, self.ref = case, case.ref
        self.progress = CaseProgress(version=case.version, receipt=case.receipt, closed=case.decided)
        self.deciding = asyncio.Lock()

    @workflow.run
    async def run(self, case: CaseInput) -> CaseOutcome:
        self.progress.escalation = asyncio.create_task(self._escalate())
        state = CaseState.OPEN
        while state == CaseState.OPEN:
            while not self.progress.answered():
                if await self._suggest():
                    await workflow.wait_condition(lambda: self.progress.answered() or self.progress.has_news())
                else:
                    await self._pause(policies.SUGGEST_AGAIN)
            if await self._becomes_final():
                state = await self._end()
        return await self._until_done(RecordTrajectory, policies.RECORD)

    @workflow.signal
    def chart_changed(self, signal: CaseSignal) -> None:
        """Take the events of a window; those that are covered change nothing."""
        self.progress.deliver(signal)

    @workflow.update
    async def decide(self, decision: Decision) -> DecisionReceipt:
        """Answer once the decision is in the ledger. Refuses with an ApplicationError of type ApprovalError."""
        async with self.deciding:
            self._refuse_unfit(decision)
            request = DecisionRequest(ref=self.ref, decision=decision)
            try:
                held = await workflow.execute_activity_class(RecordDecision, request, **policies.LEDGER)
            except ActivityError as fault:
                raise (fault.cause or fault) from None
            self.progress.receipt = held
        if held.decision_id != decision.decision_id:
            raise _refusal(Refusal.DECIDED, held.decided_by)
        return held

    @decide.validator
    def check_decision(self, decision: Decision) -> None:
        """Refuse before anything enters history."""
        self._refuse_unsigned(decision)
        self._refuse_unfit(decision)

    @workflow.update
    async def undo(self, undo: Undo) -> None:
        """Return once the ledger has the case open again. Refuses with an ApplicationError of type ApprovalError."""
        async with self.deciding:
            self._refuse_unfit_undo(undo)
            request = UndoRequest(ref=self.ref, undo=undo)
            try:
                after = await workflow.execute_activity_class(UndoDecision, request, **policies.LEDGER)
            except ActivityError as fault:
                raise (fault.cause or fault) from None
            over = after is not None and after.state == CaseState.CONTINUED
            self.progress.receipt, self.progress.closed = None, over
            self.progress.looks_wanted += 1  # what came meanwhile was not delivered to a decided case

    @undo.validator
    def check_undo(self, undo: Undo) -> None:
        """Refuse before anything enters history."""
        self._refuse_unsigned(undo)
        self._refuse_unfit_undo(undo)

    def _refuse_unsigned(self, signed: Decision | Undo) -> None:
        try:
            key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(self.case.verify_key))
            key.verify(bytes.fromhex(signed.signature), signed.signed_bytes())
        except (InvalidSignature, ValueError):
            raise _refusal(Refusal.SIGNATURE) from None

    def _refuse_unfit_undo(self, undo: Undo) -> None:
        receipt = self.progress.receipt
        if receipt is None or undo.case_id != self.ref.case_id:
            raise _refusal(Refusal.TOO_LATE if self.progress.final else Refusal.NOT_OPEN)
        if undo.decision_id != receipt.decision_id:
            raise _refusal(Refusal.DECIDED, receipt.decided_by)
        if undo.reviewer.reviewer_id != receipt.reviewer_id:
            raise _refusal(Refusal.NOT_YOURS, receipt.decided_by)
        if self.progress.final:
            raise _refusal(Refusal.TOO_LATE)

    def _refuse_unfit(self, decision: Decision) -> None:
        progress, shown = self.progress, self.progress.shown
        if progress.receipt:
            raise _refusal(Refusal.DECIDED, progress.receipt.decided_by)
        if progress.answered() or decision.case_id != self.ref.case_id:
            raise _refusal(Refusal.NOT_OPEN)
        if shown is None:  # started anew: what the ledger still shows has to be shown again first
            raise _refusal(Refusal.STALE if self.case.version else Refusal.NOT_OPEN)
        if decision.reviewer.role not in self.case.roles:
            raise _refusal(Refusal.ROLE, decision.reviewer.role)
        result = shown.result
        if progress.has_news() or (decision.version, decision.shown_hash) != (shown.version, result.suggestion_hash):
            raise _refusal(Refusal.STALE)
        proposed = result.selected if result.approvable else None
        refused = unfit(
            decision.kind, decision.selected, decision.reason, proposed, result.choices, revises=result.revises
        )
        if refused:
            raise _refusal(refused)

    async def _becomes_final(self) -> bool:
        """Wait until an answer can't be taken back any more; False where it was."""
        while True:
            receipt = self.progress.receipt
            until = receipt.undo_until(self.case.undo) if receipt else None
            if until and until > workflow.now():
                with suppress(asyncio.TimeoutError):
                    await workflow.wait_condition(lambda: not self.progress.answered(), timeout=until - workflow.now())
            async with self.deciding:  # an undo, or a decision, may be on its way to the ledger
                if self.progress.answered() and self.progress.receipt != receipt:
                    continue  # it has an undo time of its own
                self.progress.final = self.progress.answered()
            return self.progress.final

    async def _end(self) -> CaseState:
        """Write what was decided, or close the case; return OPEN where the ledger has no decision (any more)."""
        await workflow.wait_condition(workflow.all_handlers_finished)
        state = CaseState.DECIDED
        if self.progress.receipt is None:
            close = CloseWithStay if self.progress.stay_over else CloseCase
            state = (await self._until_done(close, policies.WRITE)).state
        if state == CaseState.DECIDED:
            state = (await self._until_done(WriteBack, policies.WRITE)).state
        if state == CaseState.OPEN:
            self.progress.reopen()
            self.progress.escalation = asyncio.create_task(self._escalate())
        return state

    async def _suggest(self) -> bool:
        """Freeze the chart, run the agent, show what it proposes; False where the chart was out of reach."""
        progress = self.progress
        gathered, before = set(progress.uncovered), progress.shown
        looks, looked = progress.looks_wanted, progress.looks_done
        covers = max(progress.covered | gathered, default=0)
        try:
            request = SnapshotRequest(ref=self.ref)
            snapshot = await workflow.execute_activity_class(SnapshotChart, request, **policies.SUGGEST)
            if before and before.snapshot.facts_hash == snapshot.facts_hash:
                progress.cover(gathered, looks)
                cover = CoverRequest(ref=self.ref, version=before.version, covers_event=covers)
                await workflow.execute_activity_class(CoverEvents, cover, **policies.LEDGER)
                await self._note_stay(snapshot.over)
                return True
            progress.version += 1
            result = await self._run_agent(AgentRequest(ref=self.ref, version=progress.version, snapshot=snapshot))
            # Before its row can be seen, so that the fastest person is not refused.
            progress.shown = OpenRequest(
                ref=self.ref, version=progress.version, covers_event=covers, snapshot=snapshot, result=result
            )
            progress.cover(gathered, looks)
            await workflow.execute_activity_class(OpenCase, progress.shown, **policies.SUGGEST)
            await self._note_stay(snapshot.over)  # once what it ended with is shown
        except ActivityError as fault:
            workflow.logger.error("suggestion_failed", extra={"activity": fault.activity_type})
            progress.uncover(gathered, looked, before)
            return False
        return True

    async def _note_stay(self, over: bool) -> None:
        """Let the case end with its stay, unless somebody has answered or more has come meanwhile."""
        if over:
            async with self.deciding:
                self.progress.stay_over = not (self.progress.answered() or self.progress.has_news())

    async def _until_done(self, activity: type[_EndStep], policy: workflow.ActivityConfig) -> CaseOutcome:
        """Run a step of the end until it is done: what was acknowledged is honoured, however long the chart is away."""
        while True:
            try:
                return await workflow.execute_activity_class(activity, self.ref, **policy)
            except ActivityError as fault:
                workflow.logger.error("end_step_failed", extra={"activity": fault.activity_type})
                await workflow.sleep(policies.WRITE_AGAIN)

    async def _pause(self, wait: timedelta) -> None:
        """Wait for that long, or until somebody has answered."""
        with suppress(asyncio.TimeoutError):
            await workflow.wait_condition(self.progress.answered, timeout=wait)

    async def _run_agent(self, request: AgentRequest) -> AgentResult:
        """Return what the agent made of this very version; where the model's worker gives none, or nobody waits for a
        level any more, by rules."""
        if not request.snapshot.over:
            with suppress(ActivityError):
                policy = policies.model(self.case.due_at - workflow.now(), self.case.model_limit)
                result = await workflow.execute_activity_class(RunAgent, request, **policy)
                if result.answers(request):
                    return result
                workflow.logger.error("foreign_result", extra={"activity": "run_agent"})
        by_rules = request.model_copy(update={"rules_only": True})
        return await workflow.execute_activity_class(RunAgent, by_rules, **policies.RULES)

    async def _escalate(self) -> None:
        """Raise the case at its deadline and at each step of the ladder; at the end nobody has decided.

        It ends by itself and is never cancelled: an activity that reports after its cancellation makes a workflow task
        with nothing to do, which the SDK (1.35) answers without saying that it is pinned. Temporal then asks the worker
        again and again, and retries no activity any more, so that the decision would never reach the chart.
        """
        at = max(self.case.due_at, workflow.now())
        for step, wait in enumerate(self.case.ladder, 1):
            if not await self._unanswered_at(at):
                return
            request = EscalationRequest(ref=self.ref, step=step)
            try:
                await workflow.execute_activity_class(EscalateCase, request, **policies.LEDGER)
            except ActivityError as fault:  # the ladder goes on: without its end nobody closes the case
                workflow.logger.error("escalation_failed", extra={"activity": fault.activity_type})
            at += wait
        while await self._unanswered_at(at):
            async with self.deciding:
                self.progress.ladder_ended = not self.progress.answered()

    async def _unanswered_at(self, moment: datetime) -> bool:
        """Return True when that moment has come and nobody has answered, False when an answer is final.

        An answer that may still be taken back stops the ladder, and an undo lets it go on.
        """
        if moment > workflow.now():
            with suppress(asyncio.TimeoutError):
                await workflow.wait_condition(lambda: self.progress.final, timeout=moment - workflow.now())
        await workflow.wait_condition(lambda: self.progress.final or not self.progress.answered())
        return not self.progress.final


def _refusal(kind: Refusal, detail: str = "") -> ApplicationError:
    return ApplicationError(detail or kind, str(kind), type=ApprovalError.__name__, non_retryable=True)
