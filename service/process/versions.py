"""The versions of the workflows, as Temporal knows them; a version is the code that decides how a history replays."""

import hashlib
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from pathlib import Path

from temporalio.api.enums.v1 import WorkerStatus
from temporalio.api.workflowservice.v1 import (
    DescribeWorkerDeploymentRequest,
    ListWorkersRequest,
    SetWorkerDeploymentCurrentVersionRequest,
)
from temporalio.client import Client
from temporalio.common import WorkerDeploymentVersion
from temporalio.service import RPCError, RPCStatusCode
from temporalio.worker import WorkerDeploymentConfig

import contracts
import workflows
from contracts.errors import ConfigurationError, ConfigurationFault
from contracts.frozen import Frozen
from integrations import clock
from service.process.settings import Settings

DEPLOYMENT = "wardflow"
HEARTBEAT = timedelta(seconds=2)
"""How often a worker tells Temporal that it lives."""
SILENT = timedelta(seconds=30)
"""A single look takes a worker for dead after so long, since clocks of machines differ."""
MOST_WORKERS = 1000
NOT_YET = (RPCStatusCode.NOT_FOUND, RPCStatusCode.FAILED_PRECONDITION)
"""What Temporal says of a version that it has not seen poll all its queues."""


class Version(Frozen):
    build: str
    made_at: datetime
    current: bool
    """Whether new cases go to it."""
    heartbeat: datetime | None
    """The last one of its workers, by their clock; None if each was stopped or is long forgotten."""

    @property
    def has_worker(self) -> bool:
        return self.heartbeat is not None and clock.now() - self.heartbeat < SILENT


def build_of_code() -> str:
    """Return the name of this code: what the workflows run, what they store, and the library that replays it."""
    digest = hashlib.sha256(version("temporalio").encode())
    for package in (contracts, workflows):
        for folder in map(Path, package.__path__):
            for source in sorted(folder.rglob("*.py")):
                digest.update(f"\0{source.relative_to(folder)}\0".encode() + source.read_bytes())
    return digest.hexdigest()[:12]


def build_of(settings: Settings) -> str:
    """Return the version that a worker with these settings serves."""
    return settings.deployment.build_id or build_of_code()


def worker_config(build: str) -> WorkerDeploymentConfig:
    """Return what makes a worker serve the cases of this version alone."""
    return WorkerDeploymentConfig(version=WorkerDeploymentVersion(DEPLOYMENT, build), use_worker_versioning=True)


async def known(client: Client) -> list[Version]:
    """Return every version, the newest first. Raises RPCError."""
    service, namespace = client.workflow_service, client.namespace
    asked = DescribeWorkerDeploymentRequest(namespace=namespace, deployment_name=DEPLOYMENT)
    try:
        info = (await service.describe_worker_deployment(asked)).worker_deployment_info
    except RPCError as fault:
        if fault.status == RPCStatusCode.NOT_FOUND:
            return []
        raise
    workers = await service.list_workers(ListWorkersRequest(namespace=namespace, page_size=MOST_WORKERS))
    beats: dict[str, datetime] = {}
    for worker in (listed.worker_heartbeat for listed in workers.workers_info):
        build, beat = worker.deployment_version.build_id, worker.heartbeat_time.ToDatetime(UTC)
        if worker.status == WorkerStatus.WORKER_STATUS_RUNNING:
            beats[build] = max(beat, beats.get(build, beat))
    current = info.routing_config.current_deployment_version.build_id
    found = [
        Version(
            build=(build := summary.deployment_version.build_id), made_at=summary.create_time.ToDatetime(UTC),
            current=build == current, heartbeat=beats.get(build),
        )
        for summary in info.version_summaries
    ]  # fmt: skip
    return sorted(found, key=lambda v: v.made_at, reverse=True)


def pinned(build: str) -> str:
    """Return the query of the cases that wait on this version."""
    return f"TemporalWorkerDeploymentVersion = '{DEPLOYMENT}:{build}' AND ExecutionStatus = 'Running'"


async def waiting(client: Client, build: str) -> int:
    """Return how many cases wait on this version. Raises RPCError."""
    return (await client.count_workflows(pinned(build))).count


async def make_current(client: Client, build: str) -> None:
    """Send new cases to this version. Raises RPCError while its workers do not poll every queue."""
    await client.workflow_service.set_worker_deployment_current_version(
        SetWorkerDeploymentCurrentVersionRequest(
            namespace=client.namespace, deployment_name=DEPLOYMENT, build_id=build, identity=client.identity
        )
    )


async def deploy(client: Client, build: str) -> list[Version]:
    """Make a version current whose worker lives; return all, as they are then. Raises ConfigurationError, RPCError."""
    if not any(v.build == build and v.has_worker for v in await known(client)):
        raise ConfigurationError(
            ConfigurationFault.NO_WORKER, f"start `wardflow worker --beside` of this code ({build}) first"
        )
    try:
        await make_current(client, build)
    except RPCError as fault:
        if fault.status in NOT_YET:
            raise ConfigurationError(
                ConfigurationFault.NO_WORKER, f"{build} does not poll every queue yet: try again"
            ) from None
        raise
    return await known(client)
