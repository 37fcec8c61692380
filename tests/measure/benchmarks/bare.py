"""The baseline's two processes: `gateway` (hints in, decisions in) and `worker`; same codec, sandbox and options."""

import asyncio
import sys
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import uvicorn
import uvloop
from fastapi import FastAPI, Request
from temporalio.client import Client
from temporalio.worker import Worker
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

from contracts.decisions import Decision, DecisionKind, Reviewer
from integrations import clock
from service.process import settings, wiring
from service.process.secrets import load_secrets
from service.process.temporal import connect
from service.worker import cases as worker
from tests.measure.benchmarks.bare_case import BareCase
from tests.measure.benchmarks.bare_steps import TASK_QUEUE, Steps, parsed, ref
from workflows import policies, sandbox

NURSE = Reviewer(reviewer_id="n", name="Nurse", role="triage_nurse")


def gateway(client: Client, quiet_s: float) -> FastAPI:
    """Hold what comes for an encounter in memory until it is quiet, then start its workflow."""
    app, timers, loop = FastAPI(openapi_url=None), dict[str, asyncio.TimerHandle](), asyncio.get_running_loop()
    starting: set[asyncio.Task[Any]] = set()

    def start(encounter: str) -> None:
        del timers[encounter]
        begun = client.start_workflow(
            BareCase.run, encounter, id=ref(encounter).case_id, task_queue=TASK_QUEUE,
            task_timeout=policies.WORKFLOW_TASK,
        )  # fmt: skip
        starting.add(task := asyncio.create_task(begun))
        task.add_done_callback(starting.discard)

    @app.put("/feeds/{path:path}")
    async def notify(request: Request) -> dict[str, str]:
        encounter = parsed(await request.body())
        if timer := timers.get(encounter):
            timer.cancel()
        timers[encounter] = loop.call_later(quiet_s, start, encounter)
        return {"resourceType": "OperationOutcome"}

    @app.post("/decisions/{encounter}/{selected}")
    async def decide(encounter: str, selected: str) -> dict[str, str]:
        case_id = ref(encounter).case_id
        decision = Decision(
            decision_id=uuid.uuid4().hex, case_id=case_id, version=1, shown_hash=uuid.uuid4().hex,
            kind=DecisionKind.APPROVE, selected=selected, reviewer=NURSE, decided_at=clock.now(),
        )  # fmt: skip
        handle = client.get_workflow_handle_for(BareCase.run, case_id)
        return {"decided": await handle.execute_update(BareCase.decide, decision)}

    return app


async def main(part: str, state: Path, port: int) -> None:
    opened, secrets = settings.load(state), load_secrets(state)
    client = await connect(opened.parts.temporal, opened.parts.temporal_namespace, secrets.keyring())
    if part == "gateway":
        app = gateway(client, opened.timing.window_quiet_s)
        config = uvicorn.Config(app, host="127.0.0.1", port=port, log_config=None, access_log=False)
        await uvicorn.Server(config).serve()
        return
    world = wiring.world(opened, secrets, "bare")
    steps = Steps(world.fhir, world.models["reasoning"], world.pathways["ed_triage"], state / "bare.db")
    steps.rows().close()
    passed = (*sandbox.PASSED_THROUGH, "tests.measure.benchmarks.bare_steps")
    await Worker(
        client,
        task_queue=TASK_QUEUE,
        workflows=[BareCase],
        activities=steps.all(),
        activity_executor=ThreadPoolExecutor(worker.THREADS),
        workflow_runner=SandboxedWorkflowRunner(SandboxRestrictions.default.with_passthrough_modules(*passed)),
        max_concurrent_workflow_tasks=policies.CONCURRENT_WORKFLOW_TASKS,
        max_concurrent_activities=worker.THREADS,
        max_cached_workflows=policies.CACHED_CASES,
        sticky_queue_schedule_to_start_timeout=policies.STICKY_QUEUE,
    ).run()


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])))
