"""What a process with a ledger tells the codec, and where it counts what did not open."""

import asyncio
from collections import OrderedDict

import structlog

from contracts.errors import LedgerError
from integrations.ledger import messages
from integrations.ledger.database import Database
from service.process import temporal

log = structlog.get_logger()
MOST_SEEN = 10_000
SAVE_AFTER_S = 1.0
"""Refused messages are saved together: a flood of them must not become a flood of transactions."""


class Seals:
    """The ports of the codec of one process. A message that a replay shows again is counted and logged once."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._seen: OrderedDict[str, None] = OrderedDict()
        self._unsaved: set[str] = set()
        self._old: set[str] = set()
        self._saving: asyncio.Task[None] | None = None

    def opened_before(self, workflow_id: str) -> bool:
        """Return whether the ledger opened this case before values were sealed for their case. Raises LedgerError."""
        if workflow_id not in self._old:
            with self._db.read() as tx:
                if not messages.opened_before(tx, workflow_id):
                    return False
            self._old.add(workflow_id)
        return True

    def refused(self, workflow_id: str, digest: str, why: str) -> None:
        """Log a message that did not open, and have it counted in the ledger soon."""
        if digest in self._seen:
            return
        self._seen[digest] = None
        if len(self._seen) > MOST_SEEN:
            self._seen.popitem(last=False)
        temporal.log_refused(workflow_id, digest, why)
        self._unsaved.add(digest)
        if self._saving is None or self._saving.done():
            self._saving = asyncio.get_running_loop().create_task(self._save())

    async def _save(self) -> None:
        while self._unsaved:
            await asyncio.sleep(SAVE_AFTER_S)
            batch = set(self._unsaved)
            try:
                await asyncio.to_thread(self._write, batch)
            except LedgerError as fault:
                log.warning("loop_waits", part="seals", kind=fault.kind)
                continue
            self._unsaved -= batch

    def _write(self, batch: set[str]) -> None:
        with self._db.write() as tx:
            messages.note(tx, batch)
