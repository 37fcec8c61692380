"""Cases that began under a version which sealed values for no case, on Temporal itself."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from temporalio.client import Client
from temporalio.worker import Interceptor, Worker

from contracts.cases import CaseInput, CaseState
from contracts.queues import TaskQueue
from infra import stack
from service.process import versions
from service.process.temporal import data_converter
from tests.fakes.case_steps import BUILD, CaseSteps, become_current
from tests.fakes.old_codec import old_converter
from tests.fakes.samples import NURSE, REF, VERIFY_KEY, decision, signed
from tests.ports import any_port
from tests.replay.recordings import KEYRING
from workflows import foreign_messages, sandbox
from workflows.case import Case

pytestmark = pytest.mark.integration


@pytest.fixture
async def address(tmp_path: Path) -> AsyncIterator[str]:
    port = any_port()
    server = stack.temporal(tmp_path, port)
    server.start(tmp_path)
    try:
        await asyncio.to_thread(stack.wait, server, [], tmp_path)
        yield f"127.0.0.1:{port}"
    finally:
        server.stop()


@asynccontextmanager
async def working(client: Client, *interceptors: Interceptor) -> AsyncIterator[CaseSteps]:
    steps = CaseSteps()
    queues = {
        TaskQueue.CASES: [steps.snapshot, steps.open, steps.write, steps.record],
        TaskQueue.GPU_REASONING: [steps.agent],
        TaskQueue.LEDGER: [steps.decide],
    }
    async with AsyncExitStack() as running:
        for queue, activities in queues.items():
            workflows = [Case] if queue == TaskQueue.CASES else []
            worker = Worker(
                client, task_queue=queue, workflows=workflows, activities=activities, interceptors=interceptors,
                workflow_runner=sandbox.runner(), deployment_config=versions.worker_config(BUILD),
            )  # fmt: skip
            await running.enter_async_context(worker)
        await become_current(client)
        yield steps


async def test_a_case_that_an_old_version_froze_goes_on_and_takes_its_decision(address: str) -> None:
    old = await Client.connect(address, data_converter=old_converter(KEYRING))
    stranger = await Client.connect(address)
    given = CaseInput(
        ref=REF, due_at=datetime.now(UTC) + timedelta(hours=1), ladder=(), roles=(NURSE.role,), verify_key=VERIFY_KEY
    )
    async with working(old) as steps:
        case = await old.start_workflow(
            Case.run, given, id=REF.case_id, task_queue=TaskQueue.CASES, task_timeout=timedelta(seconds=2)
        )
        await asyncio.wait_for(steps.opened.wait(), 20)
        await stranger.get_workflow_handle(REF.case_id).signal("chart_changed", "unsealed")
        async with asyncio.timeout(20):
            while (await case.describe()).raw_description.pending_workflow_task.attempt < 2:
                await asyncio.sleep(0.05)
    known = data_converter(KEYRING, opened_before=lambda case_id: case_id == REF.case_id)
    new = await Client.connect(address, data_converter=known)
    unsigned = decision()
    async with working(new, foreign_messages.Refusing()) as steps:
        steps.writes = 1  # the chart answers
        handle = new.get_workflow_handle_for(Case.run, REF.case_id)
        assert (await handle.execute_update(Case.decide, signed(unsigned))).decision_id == unsigned.decision_id
        assert (await asyncio.wait_for(handle.result(), 20)).state == CaseState.WRITTEN
