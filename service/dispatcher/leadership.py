"""Lets one dispatcher of several work: holds the lease, renews it, and stops the work where it could not."""

import asyncio
import time
import uuid
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

import structlog

from contracts.errors import LedgerError
from integrations.ledger import leases
from integrations.ledger.database import Database
from integrations.ledger.leases import Lease, LeaseLostError, LeaseRow, Write

log = structlog.get_logger()
NAME = "dispatcher"
TERM = timedelta(seconds=3)
RENEW_S = 1.0
WATCH_S = 0.5
"""Between two looks of a process that waits for the lease. With `TERM`, another takes over within 5 s."""


@dataclass(frozen=True)
class _Watched:
    """A lease of another process, and since when (monotonic clock) it has not been renewed."""

    row: LeaseRow
    since: float


class Leadership:
    """The lease as one process has it or waits for it.

    The term is measured by the monotonic clock from before each renewal, so that a clock that is set does not lengthen
    it. What a paused process writes when it wakes is refused by the lease's number, whatever clocks say.
    """

    def __init__(self, db: Database, name: str = NAME, term: timedelta = TERM) -> None:
        self._db, self._name, self._term = db, name, term
        self._holder = uuid.uuid4().hex
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="lease")
        """Of its own: work that fills the other threads must not keep the lease from being renewed."""
        self._lease: Lease | None = None
        self._until = 0.0
        self._watched: _Watched | None = None
        self._taken = asyncio.Event()
        self._limit: asyncio.Timeout | None = None

    @property
    def active(self) -> bool:
        """Whether this process has the lease."""
        return self._lease is not None and time.monotonic() < self._until

    async def keep(self) -> float:
        """Take the lease if it is free, or renew it; give it back when this is cancelled. Returns 0 after a pause."""
        try:
            had, begun = self._lease, time.monotonic()
            try:
                got = await asyncio.get_running_loop().run_in_executor(self._thread, self._round, had)
            except LedgerError as fault:  # busy or away: tried again soon, while the term lasts
                log.warning("lease_not_renewed", kind=fault.kind)
                got = had
                begun = self._until - self._term.total_seconds()
            self._note(had, got, begun)
            await asyncio.sleep(RENEW_S if self._lease else WATCH_S)
        except asyncio.CancelledError:
            self._give_back()
            raise
        return 0.0

    async def work(self, step: Callable[[Write], Awaitable[float]]) -> float | None:
        """Wait for the lease, then run one step under it; None where the lease was lost before the step's end."""
        await self._taken.wait()
        lease = self._lease
        if lease is None or not self.active:
            self._lose("expired")
            return None
        limit = asyncio.timeout(self._until - time.monotonic())
        try:
            async with limit:
                self._limit = limit  # moved by each renewal
                try:
                    return await step(leases.fenced(self._db, lease))
                finally:
                    self._limit = None
        except TimeoutError:
            if not limit.expired():
                raise
            self._lose("expired", lease)
        except LeaseLostError:
            self._lose("refused", lease)
        return None

    def _round(self, had: Lease | None) -> Lease | None:
        """Return the lease that this process has now."""
        if had:
            with self._db.write() as tx:
                return had if leases.renew(tx, had, self._term) else None
        with self._db.read() as tx:
            found = leases.find(tx, self._name)
        unrenewed = self._watch(found)
        ours = found is not None and found.lease.holder == self._holder
        if found and not leases.expired(found) and unrenewed is None and not ours:
            return None
        with self._db.write() as tx:
            return leases.acquire(tx, self._name, self._holder, self._term, unrenewed)

    def _watch(self, found: LeaseRow | None) -> LeaseRow | None:
        """Return the lease where it has stood without renewal for a whole term, by our own clock."""
        now = time.monotonic()
        if found is None or self._watched is None or self._watched.row != found:
            self._watched = _Watched(found, now) if found else None
            return None
        return found if now - self._watched.since > self._term.total_seconds() else None

    def _note(self, had: Lease | None, got: Lease | None, begun: float) -> None:
        if got is None:
            if had and self._lease == had:
                self._lose("taken", had)
            return
        if self._lease != had:
            return  # lost while it was renewed
        self._lease, self._until = got, begun + self._term.total_seconds()
        if got != had:
            self._watched = None
            self._taken.set()
            log.warning("lease_taken", part=got.name, number=got.number)
        if self._limit and not self._limit.expired():
            self._limit.reschedule(asyncio.get_running_loop().time() + self._until - time.monotonic())

    def _lose(self, why: str, lease: Lease | None = None) -> None:
        lost = lease or self._lease
        if lost and self._lease == lost:
            log.warning("lease_lost", part=lost.name, number=lost.number, reason=why)
            self._lease = None
            self._taken.clear()
            if self._limit and not self._limit.expired():
                self._limit.reschedule(asyncio.get_running_loop().time())

    def _give_back(self) -> None:
        if self._lease:
            with suppress(LedgerError), self._db.write() as tx:
                leases.release(tx, self._lease)
