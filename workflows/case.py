"""The clinical process of one case, for every pathway: suggest, wait for a person, write, remember."""

import asyncio
from contextlib import suppress
from datetime import timedelta
from typing import Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from temporalio import workflow
from temporalio.common import VersioningBehavior
from temporalio.exceptions import ActivityError, ApplicationError

from activities.close_case import CloseCase
from activities.escalate_case import EscalateCase
from activities.open_case import CoverEvents, OpenCase
from activities.record_decision import RecordDecision
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
)
from contracts.decisions import Decision, DecisionKind, DecisionReceipt
from contracts.errors import ApprovalError, Refusal
from workflows import policies


class _EndStep(Protocol):
    def __call__(self, ref: CaseRef, /) -> CaseOutcome: ...


@workflow.defn(name="case", versioning_behavior=VersioningBehavior.PINNED)
class Case:
    """One live case for each encounter and pathway (I3). History holds references and hashes only."""

    @workflow.init
    def __init__(self, case: CaseInput) -> None:
        self.case, self.ref = case, case.ref
        self.untold: set[int] = set()
        self.told: set[int] = set()
        self.version = case.version
        self.shown: OpenRequest | None = None
        self.receipt: DecisionReceipt | None = None
        self.ladder_ended = False
        self.deciding = asyncio.Lock()

    @workflow.run
    async def run(self, case: CaseInput) -> CaseOutcome:
        self.escalation = asyncio.create_task(self._escalate())
        while not self._ended():
            if await self._suggest():
                await workflow.wait_condition(lambda: self._ended() or bool(self.untold))
            else:
                await self._pause(policies.SUGGEST_AGAIN)
        await workflow.wait_condition(workflow.all_handlers_finished)
        state = CaseState.DECIDED
        if self.receipt is None:
            state = (await self._until_done(CloseCase, policies.WRITE)).state
        if state == CaseState.DECIDED:
            await self._until_done(WriteBack, policies.WRITE)
        return await self._until_done(RecordTrajectory, policies.RECORD)

    @workflow.signal
    def chart_changed(self, signal: CaseSignal) -> None:
        """Take the events of a window; those told before change nothing."""
        self.untold |= set(signal.event_ids) - self.told

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
            self.receipt = held
        if held.decision_id != decision.decision_id:
            raise _refusal(Refusal.DECIDED, held.decided_by)
        return held

    @decide.validator
    def check_decision(self, decision: Decision) -> None:
        """Refuse before anything enters history."""
        try:
            key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(self.case.verify_key))
            key.verify(bytes.fromhex(decision.signature), decision.signed_bytes())
        except (InvalidSignature, ValueError):
            raise _refusal(Refusal.SIGNATURE) from None
        self._refuse_unfit(decision)

    def _refuse_unfit(self, decision: Decision) -> None:
        if self.receipt:
            raise _refusal(Refusal.DECIDED, self.receipt.decided_by)
        if self._ended() or decision.case_id != self.ref.case_id:
            raise _refusal(Refusal.NOT_OPEN)
        if self.shown is None:  # started anew: what the ledger still shows has to be shown again first
            raise _refusal(Refusal.STALE if self.case.version else Refusal.NOT_OPEN)
        if decision.reviewer.role not in self.case.roles:
            raise _refusal(Refusal.ROLE, decision.reviewer.role)
        result = self.shown.result
        if self.untold or decision.version != self.shown.version or decision.shown_hash != result.suggestion_hash:
            raise _refusal(Refusal.STALE)
        fits = {
            DecisionKind.APPROVE: decision.selected == result.selected,
            DecisionKind.CHANGE: decision.selected in set(result.choices) - {result.selected} and decision.reason,
            DecisionKind.REJECT: decision.selected is None and decision.reason,
        }
        if not fits[decision.kind]:
            raise _refusal(Refusal.CHOICE)

    def _ended(self) -> bool:
        return self.receipt is not None or self.ladder_ended or self.case.decided

    async def _suggest(self) -> bool:
        """Freeze the chart, run the agent, show what it proposes; False where the chart was out of reach."""
        gathered, before = set(self.untold), self.shown
        covers = max(self.told | gathered, default=0)
        try:
            request = SnapshotRequest(ref=self.ref)
            snapshot = await workflow.execute_activity_class(SnapshotChart, request, **policies.SUGGEST)
            if before and before.snapshot.facts_hash == snapshot.facts_hash:
                self._tell(gathered)
                cover = CoverRequest(ref=self.ref, version=before.version, covers_event=covers)
                await workflow.execute_activity_class(CoverEvents, cover, **policies.LEDGER)
                return True
            self.version += 1
            result = await self._run_agent(AgentRequest(ref=self.ref, version=self.version, snapshot=snapshot))
            # Before its row can be seen, so that the fastest person is not refused.
            self.shown = OpenRequest(
                ref=self.ref, version=self.version, covers_event=covers, snapshot=snapshot, result=result
            )
            self._tell(gathered)
            await workflow.execute_activity_class(OpenCase, self.shown, **policies.SUGGEST)
        except ActivityError as fault:
            workflow.logger.error("suggestion_failed", extra={"activity": fault.activity_type})
            self.shown = before
            self.untold |= gathered
            self.told -= gathered
            return False
        return True

    def _tell(self, gathered: set[int]) -> None:
        self.told |= gathered
        self.untold -= gathered

    async def _until_done(self, activity: type[_EndStep], policy: workflow.ActivityConfig) -> CaseOutcome:
        """Run a step of the end until it is done: what was acknowledged is honoured, however long the chart is away."""
        while True:
            try:
                return await workflow.execute_activity_class(activity, self.ref, **policy)
            except ActivityError as fault:
                workflow.logger.error("end_step_failed", extra={"activity": fault.activity_type})
                await workflow.sleep(policies.WRITE_AGAIN)

    async def _pause(self, wait: timedelta) -> None:
        """Wait for that long, or until the case has ended."""
        with suppress(asyncio.TimeoutError):
            await workflow.wait_condition(self._ended, timeout=wait)

    async def _run_agent(self, request: AgentRequest) -> AgentResult:
        try:
            policy = policies.model(self.case.due_at - workflow.now(), self.case.model_limit)
            return await workflow.execute_activity_class(RunAgent, request, **policy)
        except ActivityError:
            by_rules = request.model_copy(update={"rules_only": True})
            return await workflow.execute_activity_class(RunAgent, by_rules, **policies.RULES)

    async def _escalate(self) -> None:
        """Raise the case at its deadline and at each step of the ladder; at the end nobody has decided.

        It ends by itself and is never cancelled: an activity that reports after its cancellation makes a workflow task
        with nothing to do, which the SDK (1.35) answers without saying that it is pinned. Temporal then asks the worker
        again and again, and retries no activity any more, so that the decision would never reach the chart.
        """
        await self._pause(max(timedelta(), self.case.due_at - workflow.now()))
        for step, wait in enumerate(self.case.ladder, 1):
            if self._ended():
                return
            request = EscalationRequest(ref=self.ref, step=step)
            await workflow.execute_activity_class(EscalateCase, request, **policies.LEDGER)
            await self._pause(wait)
        async with self.deciding:
            self.ladder_ended = self.receipt is None


def _refusal(kind: Refusal, detail: str = "") -> ApplicationError:
    return ApplicationError(detail or kind, str(kind), type=ApprovalError.__name__, non_retryable=True)
