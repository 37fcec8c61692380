"""The life of a process: opened from its settings, ended by SIGINT or SIGTERM, drained, and its exit code."""

import asyncio
import gc
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import structlog
import uvloop
from temporalio.client import Client

from activities.world import World
from contracts.errors import WardflowError
from integrations import stderr, traces
from service.process import logs, wiring
from service.process.seals import Seals
from service.process.secrets import Secrets
from service.process.settings import Settings
from service.process.temporal import connect, metered

log = structlog.get_logger()
TEMPORAL_AGAIN_S = 1.0
"""Before a process that can't start without Temporal asks for it again."""
TRACES_S = 2.0
"""For the traces that were not sent yet, at the end of a process: the collector may be away."""
SWITCH_S = 0.0005
"""For which a thread keeps Python's lock where others want it, a tenth of what Python has by itself: a transaction
waits for it after each of its statements, and holds the ledger's lock meanwhile."""
FORCED = 130
"""Exit code after a second signal: end at once (128 and the number of SIGINT, as shells count)."""


@dataclass(frozen=True)
class Process:
    """What a process of a running state works with."""

    settings: Settings
    secrets: Secrets
    world: World
    client: Client
    stop: asyncio.Event
    """Set by SIGINT or SIGTERM: finish what was begun, then return."""


def run(name: str, work: Callable[[asyncio.Event], Awaitable[None]]) -> NoReturn:
    """Run the work of a process to its end, and end: 0 after SIGINT or SIGTERM, 2 where it could not run.

    The work is given the event that those signals set; it drains and returns. A second signal ends the process at once.
    """
    logs.configure(name)
    sys.setswitchinterval(SWITCH_S)

    async def begin() -> None:
        stop = asyncio.Event()

        def signalled() -> None:
            if stop.is_set():
                leave(FORCED)
            stop.set()

        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, signalled)
        try:
            await work(stop)
        except WardflowError as fault:
            log.critical("process_ended", **fault.log_fields())
            stderr.show(f"wardflow: {fault}")
            leave(2)
        # Here: after the loop's end Python would wait for every thread, such as one that reads a hanging chart.
        leave(0)

    uvloop.run(begin())
    raise AssertionError("the process has ended by now")


def start(
    name: str,
    state: Path,
    work: Callable[[Process], Awaitable[None]],
    *,
    waits_for_temporal: bool = False,
    temporal_metrics: bool = False,
) -> NoReturn:
    """Open a process on the state folder and `run` it; its audit records go to the chain of its name.

    With `waits_for_temporal` it starts when Temporal answers; the others start without. With `temporal_metrics` the
    metrics of its Temporal client are served at the worker's port.
    """

    async def opened(stop: asyncio.Event) -> None:
        made = wiring.opened(state, name)
        read, secrets, world = made.settings, made.secrets, made.world
        if read.tracing.endpoint:
            traces.start(read.tracing.endpoint, name)
        seals = Seals(world.records.db)
        runtime = None
        if temporal_metrics and read.parts.worker_port:
            runtime = metered(read.parts.worker_port, world.records.db.lock_times)
        while not stop.is_set():
            try:
                client = await connect(
                    read.parts.temporal, read.parts.temporal_namespace, secrets.keyring(), lazy=not waits_for_temporal,
                    runtime=runtime, opened_before=seals.opened_before, on_refused=seals.refused,
                )  # fmt: skip
            except RuntimeError:
                log.warning("temporal_away")
                await asyncio.sleep(TEMPORAL_AGAIN_S)
                continue
            gc.freeze()  # what was imported is never garbage, and looking through it held transactions up for 150 ms
            await work(Process(read, secrets, world, client, stop))
            break
        await asyncio.wait({asyncio.create_task(asyncio.to_thread(traces.stop))}, timeout=TRACES_S)

    run(name, opened)


def leave(code: int) -> NoReturn:
    """End at once: a connected temporalio client may die by a signal at exit, and would spoil the code."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
