"""Loops that outlive what goes wrong in one round."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from contracts.errors import WardflowError

log = structlog.get_logger()
PAUSE_S = 1.0


async def forever(name: str, work: Callable[[], Awaitable[float]]) -> None:
    """Repeat `work`, which returns the seconds to wait before the next round; a fault is logged, and tried again.

    One loop that ends would leave a process that looks alive and loses patients.
    """
    while True:
        try:
            wait_s = await work()
        except WardflowError as fault:
            log.warning("loop_waits", part=name, error=type(fault).__name__, kind=fault.kind)
            wait_s = PAUSE_S
        except Exception as fault:
            log.error("loop_fault", part=name, exc_info=fault)
            wait_s = PAUSE_S
        await asyncio.sleep(wait_s)
