"""Where events come in: answered 2xx only when they are on disk (I1); the dispatcher and the watch run beside it."""

import asyncio
import hmac
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import datetime, timedelta

import sqlalchemy as sa
import structlog
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from temporalio.client import Client

from activities.world import World
from contracts.errors import FhirError, LedgerError
from contracts.events import FhirEvent
from integrations.fhir import notifications
from integrations.fhir.feed import Feed
from integrations.ledger import inbox, tables
from service import watch
from service.dispatcher import Dispatcher
from service.settings import Settings

log = structlog.get_logger()
MOST_BODY_BYTES = 4 * 1024 * 1024
MOST_BATCH = 500


class Door:
    """Commits what arrives together in one transaction, so that one fsync serves many senders."""

    def __init__(self, world: World, woken: asyncio.Event) -> None:
        self._world, self._woken = world, woken
        self._queue: asyncio.Queue[tuple[FhirEvent, asyncio.Future[None]]] = asyncio.Queue()

    async def accept(self, event: FhirEvent) -> None:
        """Return when the event is on disk. Raises LedgerError."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        await self._queue.put((event, done))
        await done

    async def run(self) -> None:
        while True:
            batch = [await self._queue.get()]
            while not self._queue.empty() and len(batch) < MOST_BATCH:
                batch.append(self._queue.get_nowait())
            fault = None
            try:
                await asyncio.to_thread(inbox.accept, self._world.db, self._world.blobs, [e for e, _ in batch])
            except LedgerError as refused:
                fault = refused
            for _, done in batch:
                if not done.cancelled():
                    done.set_exception(fault) if fault else done.set_result(None)
            self._woken.set()


async def reconcile(world: World, feeds: list[Feed], every_s: float, overlap_s: float) -> None:
    """At start and then regularly: wake stopped Subscriptions, and accept what they missed (I8)."""
    while True:
        for feed in feeds:
            try:
                stopped, found = await asyncio.to_thread(catch_up, world, feed, overlap_s)
                if stopped or found:
                    log.info("feed_reconciled", feed=feed.name, reason=",".join(stopped), accepted=found)
            except (FhirError, LedgerError) as fault:
                log.warning("reconcile_waits", feed=feed.name, error=type(fault).__name__, kind=fault.kind)
        await asyncio.sleep(every_s)


def catch_up(world: World, feed: Feed, overlap_s: float) -> tuple[list[str], int]:
    """Return the types whose Subscription had stopped, and the number of events that only the search found."""
    mark = f"reconciled:{feed.name}"
    begun = tables.now()
    stopped = feed.ensure_subscriptions()
    with world.db.read() as tx:
        seen = tx.scalar(sa.select(tables.marks.c.value).where(tables.marks.c.name == mark))
    if seen:
        since = datetime.fromisoformat(seen) - timedelta(seconds=overlap_s)
        found = inbox.accept(world.db, world.blobs, list(feed.changed_since(since)))
    else:
        found = 0  # the first start: the hospital's past is not ours to act on
    with world.db.write() as tx:
        tx.execute(tables.marks.delete().where(tables.marks.c.name == mark))
        tx.execute(tables.marks.insert().values(name=mark, value=begun.isoformat()))
    return stopped, found


def create_app(world: World, client: Client, settings: Settings, feeds: list[Feed], verify_key: str) -> FastAPI:
    """Return the gateway."""
    woken = asyncio.Event()
    door = Door(world, woken)
    secrets = {feed.name: f"Bearer {feed.secret}".encode() for feed in feeds}
    unauthenticated = {"count": 0}
    timing = settings.timing

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        tasks = [
            asyncio.create_task(work)
            for work in (
                door.run(),
                Dispatcher(world, client, settings, verify_key).run(woken),
                reconcile(world, feeds, timing.reconcile_s, timing.reconcile_overlap_s),
                watch.watchdog(world, timing.watchdog_s),
                watch.export_audit(world, timing.audit_export_s),
            )
        ]
        for task in tasks:
            task.add_done_callback(_stop_when_broken)
        yield
        for task in tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    app = FastAPI(title="Wardflow gateway", lifespan=lifespan, openapi_url=None)

    @app.api_route("/feeds/{feed}/{path:path}", methods=["PUT", "POST", "DELETE"])
    @app.api_route("/feeds/{feed}", methods=["PUT", "POST", "DELETE"])
    async def notify(feed: str, request: Request, path: str = "") -> Response:
        given = request.headers.get("authorization", "").encode()
        if feed not in secrets or not hmac.compare_digest(given, secrets[feed]):
            unauthenticated["count"] += 1
            return JSONResponse({"error": "unauthenticated"}, status_code=401)
        raw, whole = await _body(request)
        if not whole:
            event = notifications.quarantined(feed, raw, f"larger than {MOST_BODY_BYTES} bytes")
        elif request.method == "DELETE":
            event = notifications.quarantined(feed, path.encode() + raw, "a deletion, which no pathway reads")
        else:
            event = await asyncio.to_thread(notifications.parse, feed, raw)
        try:
            await door.accept(event)
        except LedgerError as fault:
            log.error("event_refused", feed=feed, error=type(fault).__name__)
            return JSONResponse({"error": "our trouble: send it again"}, status_code=503, headers={"Retry-After": "2"})
        return JSONResponse({"resourceType": "OperationOutcome", "issue": [_ACCEPTED]})

    @app.get("/livez")
    async def livez() -> dict[str, int]:
        return {"unauthenticated": unauthenticated["count"]}

    return app


_ACCEPTED = {"severity": "information", "code": "informational"}


def _stop_when_broken(task: "asyncio.Task[None]") -> None:
    """End the process, loudly, when a loop ended by a fault of ours: half a gateway looks alive and loses patients."""
    fault = None if task.cancelled() else task.exception()
    if fault:
        log.critical("loop_broken", exc_info=fault)
        raise SystemExit(1)


async def _body(request: Request) -> tuple[bytes, bool]:
    """Return the body and True, or its beginning and False where it is too large; the rest is read and dropped."""
    kept = bytearray()
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size <= MOST_BODY_BYTES:
            kept += chunk
    return bytes(kept), size <= MOST_BODY_BYTES
