"""A decision that comes while its case is escalated, on Temporal itself, with a pinned worker as it is deployed."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from temporalio import activity
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError
from temporalio.worker import Worker

from contracts.cases import (
    AgentRequest,
    AgentResult,
    CaseInput,
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
from contracts.queues import TaskQueue
from infra import stack
from infra.processes import any_port
from service.process import versions
from service.process.settings import Secrets
from service.process.temporal import connect
from tests.fakes.samples import NURSE, REF, decision, shown
from tests.replay.test_replay import HERE
from tests.unit.workflows.test_case import KEY, PUBLIC
from workflows import refusals, sandbox
from workflows.case import Case

pytestmark = pytest.mark.integration
BUILD = "test"


class Steps:
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


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[Client]:
    port = any_port()
    keyring = Secrets.model_validate_json((HERE / "keys.json").read_text()).keyring()
    server = stack.temporal(tmp_path, port)
    server.start(tmp_path)
    try:
        await asyncio.to_thread(stack.wait, server, [], tmp_path)
        yield await connect(f"127.0.0.1:{port}", "default", keyring)
    finally:
        server.stop()


async def test_a_decision_reaches_the_chart_though_the_escalation_reports_after_it(client: Client) -> None:
    steps, deployed = Steps(), versions.worker_config(BUILD)
    cases = [steps.snapshot, steps.open, steps.write, steps.record]
    queues = {TaskQueue.CASES: cases, TaskQueue.GPU_REASONING: [steps.agent],
              TaskQueue.LEDGER: [steps.decide, steps.escalate]}  # fmt: skip
    async with AsyncExitStack() as working:
        for queue, activities in queues.items():
            workflows = [Case] if queue == TaskQueue.CASES else []
            await working.enter_async_context(
                Worker(
                    client, task_queue=queue, workflows=workflows, activities=activities, deployment_config=deployed,
                    workflow_runner=sandbox.runner(), interceptors=[refusals.Refusing()],
                )
            )  # fmt: skip
        await become_current(client)
        given = CaseInput(
            ref=REF, due_at=datetime.now(UTC) + timedelta(seconds=1), ladder=(timedelta(minutes=5),),
            roles=(NURSE.role,), verify_key=PUBLIC,
        )  # fmt: skip
        case = await client.start_workflow(Case.run, given, id=REF.case_id, task_queue=TaskQueue.CASES)
        await asyncio.wait_for(steps.opened.wait(), 30)  # before it there is nothing to decide
        await asyncio.wait_for(steps.escalating.wait(), 30)
        unsigned = decision()
        signed = unsigned.model_copy(update={"signature": KEY.sign(unsigned.signed_bytes()).hex()})
        assert (await case.execute_update(Case.decide, signed)).decision_id == unsigned.decision_id
        outcome = await asyncio.wait_for(case.result(), 20)
    assert (outcome.state, steps.writes) == (CaseState.WRITTEN, 2)
    history = await case.fetch_history()
    cancelled = EventType.EVENT_TYPE_ACTIVITY_TASK_CANCEL_REQUESTED
    assert all(event.event_type != cancelled for event in history.events)
    assert len(history.events) < 60


async def become_current(client: Client) -> None:
    for _ in range(100):
        with suppress(RPCError):
            return await versions.make_current(client, BUILD)
        await asyncio.sleep(0.2)
    raise AssertionError("no worker came")
