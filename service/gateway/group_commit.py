"""Commits the events that arrive together in one transaction, so that one fsync serves many senders."""

import asyncio

import structlog

from contracts.errors import LedgerError, LedgerFault
from contracts.events import FhirEvent
from integrations.fhir import notifications
from integrations.ledger import inbox
from integrations.ledger.records import Records

log = structlog.get_logger()
MOST_BATCH = 500


class GroupCommit:
    """A queue of accepted messages, whose senders are answered when theirs is on disk."""

    def __init__(
        self, records: Records, woken: asyncio.Event, unreadable_an_hour: int = inbox.UNREADABLE_AN_HOUR
    ) -> None:
        self._records, self._woken, self._unreadable = records, woken, unreadable_an_hour
        self._queue: asyncio.Queue[tuple[FhirEvent, asyncio.Future[None]]] = asyncio.Queue()

    async def accept(self, event: FhirEvent) -> None:
        """Return when the event is on disk. Raises LedgerError."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        await self._queue.put((event, done))
        await done

    async def commit(self) -> float:
        """Commit what has arrived; if that batch is refused, each event alone: one can't harm another."""
        batch = [await self._queue.get()]
        while not self._queue.empty() and len(batch) < MOST_BATCH:
            batch.append(self._queue.get_nowait())
        try:
            await self._accept([event for event, _ in batch])
            faults: list[Exception | None] = [None] * len(batch)
        except Exception:  # noqa: BLE001 - whatever it was, each sender gets an answer of its own
            faults = [await self._alone(event) for event, _ in batch]
        for (_, done), fault in zip(batch, faults, strict=True):
            if not done.cancelled():
                done.set_exception(fault) if fault else done.set_result(None)
        self._woken.set()
        return 0.0

    async def _alone(self, event: FhirEvent) -> Exception | None:
        try:
            await self._accept([event])
        except LedgerError as fault:
            if fault.retryable:
                return fault
            log.error("event_broken", exc_info=fault)
            try:
                await self._accept([notifications.unreadable(event.feed, event.body, "can't be kept")])
            except LedgerError as refused:
                return refused
        except Exception as fault:
            log.error("event_refused", exc_info=fault)
            return LedgerError(LedgerFault.NOT_KEPT, type(fault).__name__, retryable=True)
        return None

    async def _accept(self, events: list[FhirEvent]) -> None:
        await asyncio.to_thread(inbox.accept, self._records.db, self._records.blobs, events, self._unreadable)
