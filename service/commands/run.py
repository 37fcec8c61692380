"""Commands that start processes: all of them on one machine, or one of them, which imports no room but its own."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from integrations.ledger import messages
from service.commands import console
from service.process import connections, lifecycle, wiring
from service.process.case_starts import CaseStarts
from service.process.lifecycle import Process


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
    from service.gateway import app as gateway

    async def work(process: Process) -> None:
        feeds = wiring.feeds(process.settings, process.secrets, process.world)
        signer = process.secrets.head_signer()
        app = gateway.create_app(process.world, process.client, process.settings, feeds, signer)
        await connections.serve(app, process.settings.parts.gateway_port, process.stop)

    lifecycle.start("gateway", state, work)


def run_dispatcher(state: console.State) -> None:
    """Run the dispatcher; where another one works already, wait to take over."""
    from service.dispatcher import app as dispatcher

    async def work(process: Process) -> None:
        with process.world.records.db.write() as tx:
            messages.bind(tx, process.world.records.auditor)
        key = process.secrets.verify_key()
        app = dispatcher.create_app(process.world, process.client, process.settings, key)
        await connections.serve(app, process.settings.parts.dispatcher_port, process.stop)

    lifecycle.start("dispatcher", state, work)


def run_worklist(state: console.State) -> None:
    """Run the care team's pages."""
    from service.worklist import app as worklist

    async def work(process: Process) -> None:
        app = worklist.create_app(process.world, process.client, process.settings, process.secrets)
        await connections.serve(app, process.settings.parts.worklist_port, process.stop)

    lifecycle.start("worklist", state, work)


def run_worker(
    state: console.State,
    beside: Annotated[
        bool, typer.Option("--beside", help="Beside another worker of this machine, at whose port figures stay.")
    ] = False,
) -> None:
    """Run the workflows and their activities."""
    from service.worker import cases

    async def work(process: Process) -> None:
        starts = CaseStarts(process.world, process.client, process.settings, process.secrets.verify_key())
        await cases.run(starts, process.stop)

    lifecycle.start("worker", state, work, waits_for_temporal=True, temporal_metrics=not beside)


def add(app: typer.Typer) -> None:
    """Add these commands."""
    app.command()(up)
    app.command(name="gateway")(run_gateway)
    app.command(name="dispatcher")(run_dispatcher)
    app.command(name="worklist")(run_worklist)
    app.command(name="worker")(run_worker)
