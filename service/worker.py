"""The Temporal worker: case workflows and their activities, and the agents beside the model."""

import asyncio
import signal
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import structlog
from temporalio.client import Client
from temporalio.worker import Worker

from activities.close_case import CloseCase
from activities.escalate_case import EscalateCase
from activities.open_case import CoverEvents, OpenCase
from activities.record_decision import RecordDecision
from activities.record_trajectory import RecordTrajectory
from activities.run_agent import RunAgent
from activities.snapshot_chart import SnapshotChart
from activities.world import World
from activities.write_back import WriteBack
from contracts.queues import TaskQueue
from service.health import Health
from service.loops import forever
from service.settings import TimingSettings
from workflows import policies, sandbox
from workflows.case import Case

log = structlog.get_logger()
THREADS, LEDGER_THREADS = 12, 4
AGENTS_AT_ONCE = 4
CASE_ACTIVITIES = (SnapshotChart, OpenCase, WriteBack, CloseCase, RecordTrajectory)


def build(client: Client, world: World) -> list[Worker]:
    """Return one worker for each task queue."""
    ledger_only = [activity(world) for activity in (RecordDecision, EscalateCase, CoverEvents)]
    agent = RunAgent(world)
    cases = Worker(
        client,
        task_queue=TaskQueue.CASES,
        workflows=[Case],
        activities=[*(activity(world) for activity in CASE_ACTIVITIES), agent],
        activity_executor=ThreadPoolExecutor(THREADS),
        workflow_runner=sandbox.runner(),
        max_concurrent_workflow_tasks=policies.CONCURRENT_WORKFLOW_TASKS,
        max_concurrent_activities=THREADS,
        max_cached_workflows=policies.CACHED_CASES,
        sticky_queue_schedule_to_start_timeout=policies.STICKY_QUEUE,
        graceful_shutdown_timeout=timedelta(seconds=5),
    )
    agents = Worker(
        client, task_queue=TaskQueue.GPU_REASONING, activities=[agent], max_concurrent_activities=AGENTS_AT_ONCE,
        graceful_shutdown_timeout=timedelta(seconds=2),
    )  # fmt: skip
    ledger = Worker(
        client,
        task_queue=TaskQueue.LEDGER,
        activities=ledger_only,
        activity_executor=ThreadPoolExecutor(LEDGER_THREADS),
        max_concurrent_activities=LEDGER_THREADS,
        graceful_shutdown_timeout=timedelta(seconds=5),
    )
    return [cases, agents, ledger]


async def run(client: Client, world: World, timing: TimingSettings) -> None:
    """Work until SIGINT or SIGTERM, and give signs of it."""
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    workers = build(client, world)
    running = [asyncio.create_task(worker.run()) for worker in workers]
    log.info("worker_ready")
    health = Health(world, timing, "worker", needs=(), probes={})
    running.append(asyncio.create_task(forever("signs", health.exchange, health.done)))
    done, _ = await asyncio.wait([asyncio.create_task(stop.wait()), *running], return_when=asyncio.FIRST_COMPLETED)
    for worker in workers:
        await worker.shutdown()
    for task in done:
        task.result()
