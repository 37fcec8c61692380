"""A decision that comes while its case is escalated, on Temporal itself, with a pinned worker as it is deployed."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client
from temporalio.worker import Worker

from contracts.cases import CaseInput, CaseState
from contracts.queues import TaskQueue
from infra import stack
from service.process import versions
from service.process.temporal import connect
from tests.fakes.case_steps import BUILD, CaseSteps, become_current
from tests.fakes.samples import NURSE, REF, VERIFY_KEY, decision, signed
from tests.ports import any_port
from tests.replay.recordings import KEYRING
from workflows import foreign_messages, sandbox
from workflows.case import Case

pytestmark = pytest.mark.integration


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[Client]:
    port = any_port()
    server = stack.temporal(tmp_path, port)
    server.start(tmp_path)
    try:
        await asyncio.to_thread(stack.wait, server, [], tmp_path)
        yield await connect(f"127.0.0.1:{port}", "default", KEYRING)
    finally:
        server.stop()


async def test_a_decision_reaches_the_chart_though_the_escalation_reports_after_it(client: Client) -> None:
    steps, deployed = CaseSteps(), versions.worker_config(BUILD)
    cases = [steps.snapshot, steps.open, steps.write, steps.record]
    queues = {TaskQueue.CASES: cases, TaskQueue.GPU_REASONING: [steps.agent],
              TaskQueue.LEDGER: [steps.decide, steps.escalate]}  # fmt: skip
    async with AsyncExitStack() as working:
        for queue, activities in queues.items():
            workflows = [Case] if queue == TaskQueue.CASES else []
            await working.enter_async_context(
                Worker(
                    client, task_queue=queue, workflows=workflows, activities=activities, deployment_config=deployed,
                    workflow_runner=sandbox.runner(), interceptors=[foreign_messages.Refusing()],
                )
            )  # fmt: skip
        await become_current(client)
        given = CaseInput(
            ref=REF, due_at=datetime.now(UTC) + timedelta(seconds=1), ladder=(timedelta(minutes=5),),
            roles=(NURSE.role,), verify_key=VERIFY_KEY,
        )  # fmt: skip
        case = await client.start_workflow(Case.run, given, id=REF.case_id, task_queue=TaskQueue.CASES)
        await asyncio.wait_for(steps.opened.wait(), 30)  # before it there is nothing to decide
        await asyncio.wait_for(steps.escalating.wait(), 30)
        unsigned = decision()
        assert (await case.execute_update(Case.decide, signed(unsigned))).decision_id == unsigned.decision_id
        outcome = await asyncio.wait_for(case.result(), 20)
    assert (outcome.state, steps.writes) == (CaseState.WRITTEN, 2)
    history = await case.fetch_history()
    cancelled = EventType.EVENT_TYPE_ACTIVITY_TASK_CANCEL_REQUESTED
    assert all(event.event_type != cancelled for event in history.events)
    assert len(history.events) < 60
