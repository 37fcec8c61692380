"""Of several dispatchers one works; where it ends, hangs or is paused, another takes over and it writes nothing."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import timedelta

import pytest

from contracts.errors import LedgerError, LedgerFault
from integrations.ledger import leases, marks
from integrations.ledger.database import Database
from integrations.ledger.leases import Write
from service.dispatcher import leadership
from service.dispatcher.leadership import Leadership

TERM = timedelta(seconds=1)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leadership, "RENEW_S", 0.05)
    monkeypatch.setattr(leadership, "WATCH_S", 0.05)


class Process:
    """What a dispatcher does with its leadership: it keeps the lease, and works where it has it."""

    def __init__(self, db: Database) -> None:
        self.db, self.leadership, self.steps = db, Leadership(db, term=TERM), 0
        self.hangs = asyncio.Event()
        self.hangs.set()
        self.keeping: asyncio.Task[None] | None = None

    async def step(self, write: Write) -> float:
        await self.hangs.wait()
        with write() as tx:
            marks.set_mark(tx, "worked", self.leadership._holder)
        self.steps += 1
        await asyncio.sleep(0.01)
        return 0.0

    async def keep(self) -> None:
        while True:
            await self.leadership.keep()

    async def work(self) -> None:
        while True:
            await self.leadership.work(self.step)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        self.keeping, working = asyncio.create_task(self.keep()), asyncio.create_task(self.work())
        try:
            yield
        finally:
            for task in (self.keeping, working):
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task


async def until(ready: Callable[[], object]) -> None:
    async with asyncio.timeout(20):
        while not ready():
            await asyncio.sleep(0.01)


async def test_one_works_and_the_other_takes_over_when_it_ends(db: Database) -> None:
    first, second = Process(db), Process(db)
    async with first.running():
        await until(lambda: first.steps > 3)
        async with second.running():
            await asyncio.sleep(2 * TERM.total_seconds())
            assert second.steps == 0 and first.leadership.active
            assert first.keeping
            first.keeping.cancel()  # as when it is stopped: it gives the lease back
            await until(lambda: second.steps > 3)
            done = first.steps
            await until(lambda: second.steps > 6)
            assert first.steps == done and not first.leadership.active


async def test_a_step_that_hangs_keeps_no_lease_from_being_renewed(db: Database) -> None:
    first = Process(db)
    async with first.running():
        await until(lambda: first.steps)
        first.hangs.clear()
        await asyncio.sleep(3 * TERM.total_seconds())
        assert first.leadership.active
        with db.read() as tx:
            found = leases.find(tx, leadership.NAME)
        assert found and found.lease.number == 1


async def test_a_step_ends_where_the_lease_could_not_be_renewed(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = Process(db), Process(db)
    async with first.running():
        await until(lambda: first.steps)
        first.hangs.clear()

        def away(*_: object) -> bool:
            raise LedgerError(LedgerFault.DATABASE, "busy", retryable=True)

        monkeypatch.setattr(leases, "renew", away)
        await until(lambda: not first.leadership.active)
        first.hangs.set()
        monkeypatch.undo()
        async with second.running():
            await until(lambda: first.steps + second.steps > 5)


async def test_a_paused_process_that_wakes_writes_nothing(db: Database) -> None:
    """It is paused in the midst of a step, with the old lease in its hand, and another process takes over."""
    paused, refused = Leadership(db, term=TERM), list[str]()

    async def step(write: Write) -> float:
        time.sleep(1.5 * TERM.total_seconds())  # as with SIGSTOP, nothing of the process runs
        with db.write() as tx:
            assert leases.acquire(tx, leadership.NAME, "another", TERM)
        try:
            with write() as tx:
                marks.set_mark(tx, "late", "written")
        except leases.LeaseLostError:
            refused.append("late")
            raise
        return 0.0

    keeping = asyncio.create_task(paused.keep())
    assert await paused.work(step) is None
    await keeping
    assert refused == ["late"] and not paused.active
    with db.read() as tx:
        assert marks.mark(tx, "late") is None
