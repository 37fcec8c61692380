"""Loops that outlive what goes wrong in one round."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import structlog
from fastapi import FastAPI

from contracts.errors import WardflowError

log = structlog.get_logger()
PAUSE_S = 1.0


async def forever(name: str, work: Callable[[], Awaitable[float]], done: Callable[[str], None]) -> None:
    """Repeat `work`, which returns the seconds to wait before the next round; a fault is logged, and tried again.

    `done` is told of each good round. One loop that ends would leave a process that looks alive and loses patients.
    """
    while True:
        try:
            wait_s = await work()
            done(name)
        except WardflowError as fault:
            log.warning("loop_waits", part=name, **fault.log_fields())
            wait_s = PAUSE_S
        except Exception as fault:
            log.error("loop_fault", part=name, exc_info=fault)
            wait_s = PAUSE_S
        await asyncio.sleep(wait_s)


def beside(
    loops: Mapping[str, Callable[[], Awaitable[float]]], done: Callable[[str], None]
) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    """Return the lifespan of an app that has these loops run beside it, each `forever`."""

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        tasks = [asyncio.create_task(forever(name, work, done)) for name, work in loops.items()]
        yield
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    return lifespan
