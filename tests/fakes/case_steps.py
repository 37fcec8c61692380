"""The activities of a case without ledger, chart and models, for the real workflow on the real Temporal."""

import asyncio
from contextlib import suppress
from datetime import timedelta

from temporalio import activity
from temporalio.client import Client
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError

from contracts.cases import (
    AgentRequest,
    AgentResult,
    CaseOutcome,
    CaseRef,
    CaseState,
    ChartSnapshot,
    DecisionRequest,
    EscalationRequest,
    OpenRequest,
    SnapshotRequest,
)  # fmt: skip
from contracts.decisions import DecisionReceipt
from service.process import versions
from tests.fakes.samples import shown

BUILD = "test"


class CaseSteps:
    """The steps of a case. The escalation reports after the decision, and the chart is away at the first write."""

    def __init__(self) -> None:
        self.escalating, self.tried, self.writes = asyncio.Event(), asyncio.Event(), 0
        self.opened = asyncio.Event()

    @activity.defn(name="snapshot_chart")
    async def snapshot(self, request: SnapshotRequest) -> ChartSnapshot:
        return shown().snapshot

    @activity.defn(name="run_agent")
    async def agent(self, request: AgentRequest) -> AgentResult:
        named = {"case_id": request.ref.case_id, "version": request.version}
        return shown().result.model_copy(update={**named, "snapshot_blob": request.snapshot.snapshot_blob})

    @activity.defn(name="open_case")
    async def open(self, request: OpenRequest) -> None:
        self.opened.set()

    @activity.defn(name="record_decision")
    async def decide(self, request: DecisionRequest) -> DecisionReceipt:
        made = request.decision
        return DecisionReceipt(
            decision_id=made.decision_id, case_id=made.case_id, kind=made.kind, selected=made.selected,
            decided_by=made.reviewer.reviewer_id,
        )  # fmt: skip

    @activity.defn(name="escalate_case")
    async def escalate(self, request: EscalationRequest) -> None:
        self.escalating.set()
        await self.tried.wait()

    @activity.defn(name="write_back")
    async def write(self, ref: CaseRef) -> CaseOutcome:
        self.writes += 1
        self.tried.set()
        if self.writes == 1:
            raise ApplicationError("away", next_retry_delay=timedelta(seconds=1))
        return CaseOutcome(case_id=ref.case_id, state=CaseState.WRITTEN)

    @activity.defn(name="record_trajectory")
    async def record(self, ref: CaseRef) -> CaseOutcome:
        return CaseOutcome(case_id=ref.case_id, state=CaseState.WRITTEN)


async def become_current(client: Client) -> None:
    """Wait until a worker of this build polls, and route new cases to it."""
    for _ in range(100):
        with suppress(RPCError):
            return await versions.make_current(client, BUILD)
        await asyncio.sleep(0.2)
    raise AssertionError("no worker came")
