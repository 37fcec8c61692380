"""The worker of rounds of tuning: one at a time, on the machine that has the model environment."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from temporalio.client import Client
from temporalio.worker import Worker

from activities.curate_decisions import CurateDecisions
from activities.fit_model import FitModel
from activities.judge_model import JudgeModel
from activities.register_model import RegisterModel
from activities.workbench import FOLDER, Workbench
from contracts.queues import TaskQueue
from service.process.secrets import load_secrets
from service.process.temporal import connect, log_refused
from workflows import foreign_messages, sandbox
from workflows.tuning import Tuning

ACTIVITIES = (CurateDecisions, FitModel, JudgeModel, RegisterModel)


async def client(state: Path) -> Client:
    """Return a client of the Temporal server that `infra.tuning` runs. Raises RuntimeError or OSError until it does."""
    address = (state / FOLDER / "temporal").read_text()
    return await connect(address, "default", load_secrets(state).keyring(), on_refused=log_refused)


async def run(built: Workbench, stop: asyncio.Event) -> None:
    """Work until `stop` is set; the step that runs then ends with the process, and the next worker begins it again."""
    worker = Worker(
        await client(built.state),
        task_queue=TaskQueue.GPU_TUNING,
        workflows=[Tuning],
        activities=[activity(built) for activity in ACTIVITIES],
        activity_executor=ThreadPoolExecutor(1),
        max_concurrent_activities=1,
        workflow_runner=sandbox.runner(),
        interceptors=[foreign_messages.Refusing()],
    )
    working, stopped = asyncio.create_task(worker.run()), asyncio.create_task(stop.wait())
    await asyncio.wait({working, stopped}, return_when=asyncio.FIRST_COMPLETED)
    if working.done():
        stopped.cancel()
        working.result()
