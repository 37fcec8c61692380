"""The Temporal worker: case workflows and their activities, and the agents beside the model."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import structlog
from temporalio.client import Client
from temporalio.worker import Worker, WorkerDeploymentConfig

from activities.close_undecided import CloseCase, CloseWithStay
from activities.escalate_case import EscalateCase
from activities.open_case import CoverEvents, OpenCase
from activities.record_decision import RecordDecision, UndoDecision
from activities.record_trajectory import RecordTrajectory
from activities.run_agent import RunAgent
from activities.snapshot_chart import SnapshotChart
from activities.world import World
from activities.write_back import WriteBack
from contracts.queues import TaskQueue
from service.process import versions
from service.process.case_starts import CaseStarts
from service.process.health import Health
from service.process.loops import forever
from service.worker.takeover import Takeover
from workflows import foreign_messages, policies, sandbox
from workflows.case import Case

log = structlog.get_logger()
THREADS, LEDGER_THREADS = 12, 4
AGENTS_AT_ONCE = 32  # they wait for the model, whose own slots are the bound
CASE_ACTIVITIES = (SnapshotChart, OpenCase, WriteBack, CloseCase, CloseWithStay, RecordTrajectory)


def workers(client: Client, world: World, deployed: WorkerDeploymentConfig) -> list[Worker]:
    """Return one worker for each task queue."""
    ledger_only = [activity(world) for activity in (RecordDecision, UndoDecision, EscalateCase, CoverEvents)]
    agent = RunAgent(world)
    cases = Worker(
        client,
        task_queue=TaskQueue.CASES,
        workflows=[Case],
        activities=[*(activity(world) for activity in CASE_ACTIVITIES), agent],
        activity_executor=ThreadPoolExecutor(THREADS),
        workflow_runner=sandbox.runner(),
        interceptors=[foreign_messages.Refusing()],
        max_concurrent_workflow_tasks=policies.CONCURRENT_WORKFLOW_TASKS,
        max_concurrent_activities=THREADS,
        max_cached_workflows=policies.CACHED_CASES,
        sticky_queue_schedule_to_start_timeout=policies.STICKY_QUEUE,
        graceful_shutdown_timeout=timedelta(seconds=5),
        deployment_config=deployed,
    )
    agents = Worker(
        client, task_queue=TaskQueue.GPU_REASONING, activities=[agent], max_concurrent_activities=AGENTS_AT_ONCE,
        graceful_shutdown_timeout=timedelta(seconds=2), deployment_config=deployed,
    )  # fmt: skip
    ledger = Worker(
        client,
        task_queue=TaskQueue.LEDGER,
        activities=ledger_only,
        activity_executor=ThreadPoolExecutor(LEDGER_THREADS),
        max_concurrent_activities=LEDGER_THREADS,
        graceful_shutdown_timeout=timedelta(seconds=5),
        deployment_config=deployed,
    )
    return [cases, agents, ledger]


async def run(starts: CaseStarts, stop: asyncio.Event) -> None:
    """Work until `stop` is set, give signs of it, and let no case stay with a version that no worker runs."""
    build = versions.build_of(starts.settings)
    working = workers(starts.client, starts.world, versions.worker_config(build))
    health = Health(starts.world, starts.settings.timing, "worker", needs=(), probes={})
    beside = [
        asyncio.create_task(forever("signs", health.exchange, health.done)),
        asyncio.create_task(forever("takeover", Takeover(starts, build).step, health.done)),
    ]
    running = [*(asyncio.create_task(worker.run()) for worker in working), *beside]
    log.info("worker_ready", version=build)
    done, _ = await asyncio.wait([asyncio.create_task(stop.wait()), *running], return_when=asyncio.FIRST_COMPLETED)
    for task in beside:
        task.cancel()
    for worker in working:
        await worker.shutdown()
    await starts.world.calculator.close()
    await starts.world.reference.close()
    for task in done:
        task.result()
