"""Heartbeats of activities: a killed worker is noticed before the time-out of what it ran."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import timedelta

from temporalio import activity

from integrations import clock

HEARTBEAT = timedelta(seconds=2)


def beat() -> None:
    """Heartbeat between calls to the chart, so that a killed worker is noticed before the time-out.

    Not at the start, which Temporal knows of: each heartbeat costs a call to it, and most activities are over by then.
    """
    if activity.in_activity() and clock.now() - activity.info().started_time > HEARTBEAT:
        activity.heartbeat()


@asynccontextmanager
async def beating(detail: Callable[[], str] = str) -> AsyncIterator[None]:
    """Heartbeat every two seconds until the block ends; each beat carries what `detail` returns, such as progress."""

    async def beat_on() -> None:
        while True:
            await asyncio.sleep(HEARTBEAT.total_seconds())
            activity.heartbeat(detail())

    beats = asyncio.create_task(beat_on())
    try:
        yield
    finally:
        beats.cancel()
        with suppress(asyncio.CancelledError):
            await beats
