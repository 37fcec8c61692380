"""Commands that start processes: all of them on one machine, or one of them."""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated

import structlog
import typer
import uvloop
from temporalio.client import Client

from activities.world import World
from contracts.errors import WardflowError
from integrations import traces
from integrations.ledger import messages
from service.commands import console
from service.dispatcher import app as dispatcher
from service.gateway import app as gateway
from service.process import connections, logs, settings, wiring
from service.process.case_starts import CaseStarts
from service.process.seals import Seals
from service.process.settings import Secrets, Settings
from service.process.temporal import connect, metered
from service.worker import cases
from service.worklist import app as worklist

log = structlog.get_logger()


def up(
    state: console.State = Path(".state"),
    models: Annotated[
        bool, typer.Option("--models", help="Also the embedded models, installed behind if they are missing.")
    ] = False,
) -> None:
    """Start the local parts and our processes; Ctrl-C ends them. A second start finds its state."""
    model = "wanted" if models else "none"
    os.execv(sys.executable, [sys.executable, "-m", "infra.stack", str(state), "--models", model])


def run_gateway(state: console.State) -> None:
    """Run the gateway with reconciler and watchdog."""

    async def main(opened: Settings, secrets: Secrets, world: World, client: Client) -> None:
        feeds, signer = wiring.feeds(opened, secrets, world), secrets.head_signer()
        built = gateway.create_app(world, client, opened, feeds, signer)
        await connections.serve(built, opened.parts.gateway_port)

    _process("gateway", state, main)


def run_dispatcher(state: console.State) -> None:
    """Run the dispatcher; where another one works already, wait to take over."""

    async def main(opened: Settings, secrets: Secrets, world: World, client: Client) -> None:
        with world.records.db.write() as tx:
            messages.bind(tx, world.records.auditor)
        built = dispatcher.create_app(world, client, opened, secrets.verify_key())
        await connections.serve(built, opened.parts.dispatcher_port)

    _process("dispatcher", state, main)


def run_worklist(state: console.State) -> None:
    """Run the care team's pages."""

    async def main(opened: Settings, secrets: Secrets, world: World, client: Client) -> None:
        await connections.serve(worklist.create_app(world, client, opened, secrets), opened.parts.worklist_port)

    _process("worklist", state, main)


def run_worker(
    state: console.State,
    beside: Annotated[
        bool, typer.Option("--beside", help="Beside another worker of this machine, at whose port figures stay.")
    ] = False,
) -> None:
    """Run the workflows and their activities."""

    async def main(opened: Settings, secrets: Secrets, world: World, client: Client) -> None:
        await cases.run(CaseStarts(world, client, opened, secrets.verify_key()))

    _process("worker", state, main, figures=not beside)


def _process(
    name: str, state: Path, main: Callable[[Settings, Secrets, World, Client], Awaitable[None]], figures: bool = False
) -> None:
    logs.configure(name)

    async def start() -> None:
        opened, secrets = settings.load(state), settings.load_secrets(state)
        world = wiring.world(opened, secrets, name)
        if opened.tracing.endpoint:
            traces.start(opened.tracing.endpoint, name)
        address, namespace, keyring = opened.parts.temporal, opened.parts.temporal_namespace, secrets.keyring()
        ports = Seals(world.records.db)
        runtime = metered(opened.parts.worker_port) if figures and opened.parts.worker_port else None
        while True:
            try:
                # The others start without Temporal; a worker can't.
                client = await connect(
                    address, namespace, keyring, lazy=name != "worker", runtime=runtime,
                    opened_before=ports.opened_before, on_refused=ports.refused,
                )  # fmt: skip
                break
            except RuntimeError:
                log.warning("temporal_away")
                await asyncio.sleep(1)
        await main(opened, secrets, world, client)
        traces.stop()

    try:
        uvloop.run(start())
    except WardflowError as fault:
        log.critical("process_ended", **fault.log_fields())
        console.refuse(str(fault))
    console.leave(0)
