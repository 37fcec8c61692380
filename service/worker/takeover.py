"""Beside each worker: no case stays with a version of the workflows that no worker runs (docs/adr/0006-deploys.md)."""

import asyncio
import time

import structlog
from google.protobuf.field_mask_pb2 import FieldMask
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.deployment.v1 import WorkerDeploymentVersion
from temporalio.api.workflow.v1 import VersioningOverride, WorkflowExecutionOptions
from temporalio.api.workflowservice.v1 import UpdateWorkflowExecutionOptionsRequest
from temporalio.client import Client
from temporalio.client import WorkflowExecution as Execution
from temporalio.service import RPCError
from temporalio.worker import Replayer

from contracts.cases import CaseSignal
from service.process import versions
from service.process.case_starts import CaseStarts
from service.process.temporal import plain
from service.process.versions import DEPLOYMENT, Version
from workflows import foreign_messages, sandbox
from workflows.case import Case

log = structlog.get_logger()
LOOK_S, LOOK_AGAIN_S = 3.0, 0.5
GONE_S, BACK_S = 10.0, 60.0
"""Without a heartbeat for so long a version is gone; an older version waits longer before it takes its place."""
MOVED_S = 30.0
"""A case that has not gone on so long after its move is started anew."""


class Takeover:
    """Several may run at once: each step may be done twice."""

    def __init__(self, starts: CaseStarts, build: str) -> None:
        self._starts, self._client, self._build = starts, starts.client, build
        self._seen: dict[str, tuple[object, float]] = {}
        self._moved: dict[str, float] = {}

    async def step(self) -> float:
        """Look once; return the seconds until the next look."""
        try:
            return await self._look()
        except RPCError as fault:
            if fault.status in versions.NOT_YET:
                return LOOK_AGAIN_S
            log.warning("temporal_refused", kind=fault.status.name)
            return LOOK_S

    async def _look(self) -> float:
        known = await versions.known(self._client)
        silent_s = {v.build: self._silent_s(v) for v in known}
        mine = next((v for v in known if v.build == self._build), None)
        if mine is None:
            return LOOK_AGAIN_S
        current = next((v for v in known if v.current), None)
        if current is None or (current != mine and silent_s[current.build] > _patience(current, mine)):
            await versions.make_current(self._client, self._build)
            log.info("version_current", version=self._build)
        elif current == mine:
            for other in known:
                if other != mine and silent_s[other.build] > GONE_S:
                    await self._take(other.build)
        return LOOK_S

    def _silent_s(self, version: Version) -> float:
        """Return how long no new heartbeat was seen, by our clock alone."""
        beat, since = self._seen.get(version.build, (None, 0.0))
        if version.build not in self._seen or (version.heartbeat and version.heartbeat != beat):
            self._seen[version.build] = version.heartbeat, (since := time.monotonic())
        return time.monotonic() - since

    async def _take(self, gone: str) -> None:
        waiting = [execution async for execution in self._client.list_workflows(versions.pinned(gone))]
        if waiting:
            log.warning("version_without_worker", version=gone, count=len(waiting))
        for execution in waiting:
            # One that has ended meanwhile, or that can't be started, must not hold up the others.
            (fault,) = await asyncio.gather(self._take_case(execution), return_exceptions=True)
            if fault:
                log.warning("case_not_taken", case_id=execution.id, exc_info=fault)

    async def _take_case(self, execution: Execution) -> None:
        moved_at, now = self._moved.get(execution.run_id), time.monotonic()
        if moved_at is None and await replays(self._client, execution):
            self._moved[execution.run_id] = now
            await self._move(execution)
            log.info("case_moved", case_id=execution.id, version=self._build)
        elif moved_at is None or now - moved_at > MOVED_S:
            await self._starts.again(execution.id, instead=True)
            log.warning("case_started_anew", case_id=execution.id, version=self._build)

    async def _move(self, execution: Execution) -> None:
        target = WorkerDeploymentVersion(deployment_name=DEPLOYMENT, build_id=self._build)
        moved = VersioningOverride(one_time=VersioningOverride.OneTimeOverride(target_deployment_version=target))
        await self._client.workflow_service.update_workflow_execution_options(
            UpdateWorkflowExecutionOptionsRequest(
                namespace=self._client.namespace,
                workflow_execution=WorkflowExecution(workflow_id=execution.id, run_id=execution.run_id),
                workflow_execution_options=WorkflowExecutionOptions(versioning_override=moved),
                update_mask=FieldMask(paths=["versioning_override"]),
            )
        )
        # News of nothing wakes it: a sleeping case would move at its next event only.
        handle = self._client.get_workflow_handle(execution.id, run_id=execution.run_id)
        await handle.signal(Case.chart_changed, CaseSignal(event_ids=()))


def _patience(current: Version, mine: Version) -> float:
    return GONE_S if mine.made_at > current.made_at else BACK_S


async def replays(client: Client, execution: Execution) -> bool:
    """Return whether this case can go on with this code. Raises RPCError."""
    history = await client.get_workflow_handle(execution.id, run_id=execution.run_id).fetch_history()
    replayer = Replayer(
        workflows=[Case], workflow_runner=sandbox.runner(), interceptors=[foreign_messages.Refusing()],
        data_converter=client.data_converter, runtime=plain(),
    )  # fmt: skip
    return (await replayer.replay_workflow(history, raise_on_replay_failure=False)).replay_failure is None


async def unfit(client: Client) -> tuple[int, list[str]]:
    """Return how many cases run, and those that can't go on with this code. Raises RPCError."""
    running = [e async for e in client.list_workflows("WorkflowType = 'case' AND ExecutionStatus = 'Running'")]
    return len(running), [execution.id for execution in running if not await replays(client, execution)]
